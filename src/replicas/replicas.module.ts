import { Module } from '@nestjs/common';
import { DirectSession } from './direct-session.js';
import { LostReplicas } from './lost-replicas.js';
import { ReplicaMetrics } from './replica-metrics.js';
import { Replicas } from './replicas.js';

/** Registers this process as a replica, detects replicas that are gone, and notifies the others. */
@Module({
  providers: [ReplicaMetrics, DirectSession, Replicas, LostReplicas],
  exports: [DirectSession, Replicas, LostReplicas],
})
export class ReplicasModule {}
