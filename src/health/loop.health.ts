import { Injectable } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { SchedulerLifecycle } from '../scheduler/lifecycle.js';

/** Down while this process starts or drains, and when one of its loops is stuck. */
@Injectable()
export class LoopHealth {
  constructor(
    private readonly lifecycle: SchedulerLifecycle,
    private readonly health: HealthIndicatorService,
  ) {}

  check() {
    const scheduler = this.health.check('scheduler');
    if (!this.lifecycle.running) return scheduler.down('starting or draining');
    const stuck = this.lifecycle.stuckLoops();
    return stuck.length > 0 ? scheduler.down({ stuck }) : scheduler.up();
  }
}
