import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { ReplicasModule } from '../replicas/replicas.module.js';
import { SchedulerModule } from '../scheduler/scheduler.module.js';
import { ApiKeysHealth } from './api-keys.health.js';
import { HealthController } from './health.controller.js';
import { LoopHealth } from './loop.health.js';
import { SchedulerHealth } from './scheduler.health.js';

/** The health endpoints. */
@Module({
  imports: [ReplicasModule, SchedulerModule, TerminusModule.forRoot({ logger: false })],
  controllers: [HealthController],
  providers: [SchedulerHealth, LoopHealth, ApiKeysHealth],
})
export class HealthModule {}
