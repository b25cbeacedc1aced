import { Module } from '@nestjs/common';
import { DirectSession } from './direct-session.js';
import { LostReplicas } from './lost-replicas.js';
import { ReplicaMetrics } from './replica-metrics.js';
import { Replicas } from './replicas.js';

/** Which replicas live, and how they notify each other. */
@Module({
  providers: [ReplicaMetrics, DirectSession, Replicas, LostReplicas],
  exports: [DirectSession, Replicas, LostReplicas],
})
export class ReplicasModule {}
