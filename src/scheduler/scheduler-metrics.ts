import { Injectable } from '@nestjs/common';
import { ApiKeys } from '../auth/api-keys.js';
import { Metrics } from '../metrics/metrics.js';
import { SchedulerLifecycle } from './lifecycle.js';
import { DatabaseClock } from '../jobs/dispatch/database-clock.js';

/** Whether everything ticks, and by which clock. */
@Injectable()
export class SchedulerMetrics {
  constructor(metrics: Metrics, lifecycle: SchedulerLifecycle, clock: DatabaseClock, keys: ApiKeys) {
    const loops = { ...lifecycle.loops, api_keys: keys.loop };
    const lastTick =
      'When a loop of this process last ended a turn without a failure; of one that does not run there is none';
    metrics.gauge('loop_last_tick_timestamp_seconds', lastTick, ['loop'], () =>
      Object.entries(loops).flatMap(([loop, { lastTurnAt }]) =>
        lastTurnAt === null ? [] : [{ labels: { loop }, value: lastTurnAt / 1000 }],
      ),
    );
    const offset = "How far the database's clock is ahead of this process's; measured by who dispatches";
    metrics.gauge('clock_offset_seconds', offset, [], () =>
      lifecycle.loops.dispatch.lastTurnAt === null ? [] : [{ value: clock.offsetMs / 1000 }],
    );
  }
}
