import { Module } from '@nestjs/common';
import { JobsModule } from '../jobs/jobs.module.js';
import { ReplicasModule } from '../replicas/replicas.module.js';
import { RunsModule } from '../runs/runs.module.js';
import { SchedulerLifecycle } from './lifecycle.js';
import { SchedulerMetrics } from './scheduler-metrics.js';
import { SchedulerSwitch } from './scheduler-switch.js';
import { SchedulerController } from './scheduler.controller.js';

/** The scheduler as a whole: the order in which its parts start and stop, and the switch that pauses it. */
@Module({
  imports: [ReplicasModule, RunsModule, JobsModule],
  controllers: [SchedulerController],
  providers: [SchedulerLifecycle, SchedulerMetrics, SchedulerSwitch],
  exports: [SchedulerLifecycle],
})
export class SchedulerModule {}
