import { Module } from '@nestjs/common';
import { DirectSession } from './direct-session.js';
import { LostReplicas } from './lost-replicas.js';
import { QueueMetrics } from './replica-metrics.js';
import { Replicas } from './replicas.js';
import { RunQueue } from '../runs/lifecycle/run-queue.js';

/** Delivery of tickets, and who is there to take them. */
@Module({
  providers: [RunQueue, QueueMetrics, DirectSession, Replicas, LostReplicas],
  exports: [RunQueue, DirectSession, Replicas, LostReplicas],
})
export class QueueModule {}
