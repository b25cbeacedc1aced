import { Inject, Injectable } from '@nestjs/common';
import { ENVIRONMENT, type Environment } from '../../config/environment.js';
import { Metrics } from '../../metrics/metrics.js';
import { Attempts } from './attempts.js';

/** How many slots this process has, and how many are in use. */
@Injectable()
export class WorkerMetrics {
  constructor(@Inject(ENVIRONMENT) { ROLES, WORKER_CONCURRENCY }: Environment, metrics: Metrics, attempts: Attempts) {
    const slots = ROLES.includes('worker') ? WORKER_CONCURRENCY : 0;
    metrics.gauge('worker_slots', 'How many attempts this process may run at the same time', [], () => [
      { value: slots },
    ]);
    metrics.gauge('attempts_running', 'Attempts that hold a slot, including abandoned ones', [], () => [
      { value: attempts.slotsHeld },
    ]);
    metrics.gauge('attempts_abandoned', 'Attempts whose run has ended but whose task has not returned', [], () => [
      { value: attempts.abandoned.length },
    ]);
  }
}
