import { Injectable } from '@nestjs/common';
import { ApiKeys } from '../auth/api-keys.js';
import { Metrics } from '../metrics/metrics.js';
import { SchedulerLifecycle } from './lifecycle.js';
import { DatabaseClock } from '../jobs/dispatch/database-clock.js';

/** Whether the loops of this process run, and how its clock differs from the database's. */
@Injectable()
export class SchedulerMetrics {
  constructor(metrics: Metrics, lifecycle: SchedulerLifecycle, clock: DatabaseClock, keys: ApiKeys) {
    const loops = { ...lifecycle.loops, api_keys: keys.loop };
    const lastTick =
      'When a loop of this process last completed an iteration without an error; absent for a loop that does not run';
    metrics.gauge('loop_last_tick_timestamp_seconds', lastTick, ['loop'], () =>
      Object.entries(loops).flatMap(([loop, { lastTurnAt }]) =>
        lastTurnAt === null ? [] : [{ labels: { loop }, value: lastTurnAt / 1000 }],
      ),
    );
    const offset = "How far the database's clock is ahead of this process's; measured only by schedulers";
    metrics.gauge('clock_offset_seconds', offset, [], () =>
      lifecycle.loops.dispatch.lastTurnAt === null ? [] : [{ value: clock.offsetMs / 1000 }],
    );
  }
}
