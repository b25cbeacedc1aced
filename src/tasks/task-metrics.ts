import { Injectable } from '@nestjs/common';
import { Metrics } from '../metrics/metrics.js';

/** What tasks that come with the service have to tell. */
@Injectable()
export class TaskMetrics {
  private readonly blocked;

  constructor(metrics: Metrics) {
    const help = 'Requests of the http task refused for the address that they would go to';
    this.blocked = metrics.counter('http_task_blocked_total', help);
  }

  addressRefused(): void {
    this.blocked.inc();
  }
}
