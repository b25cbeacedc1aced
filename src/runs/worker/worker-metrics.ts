import { Inject, Injectable } from '@nestjs/common';
import { ENVIRONMENT, type Environment } from '../../config/environment.js';
import { Metrics } from '../../metrics/metrics.js';
import { Attempts } from './attempts.js';

/** How much of this process's slots is used. */
@Injectable()
export class WorkerMetrics {
  constructor(@Inject(ENVIRONMENT) { ROLES, WORKER_CONCURRENCY }: Environment, metrics: Metrics, attempts: Attempts) {
    const slots = ROLES.includes('worker') ? WORKER_CONCURRENCY : 0;
    metrics.gauge('worker_slots', 'Attempts that this process may run at once', [], () => [{ value: slots }]);
    metrics.gauge('attempts_running', 'Attempts that hold a slot, abandoned ones too', [], () => [
      { value: attempts.slotsHeld },
    ]);
    metrics.gauge('attempts_abandoned', 'Attempts whose run has its end and whose task does not come back', [], () => [
      { value: attempts.abandoned.length },
    ]);
  }
}
