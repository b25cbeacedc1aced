import { Module } from '@nestjs/common';
import { AlertsModule } from '../alerts/alerts.module.js';
import { JobsModule } from '../jobs/jobs.module.js';
import { ReplicasModule } from '../replicas/replicas.module.js';
import { RunsModule } from '../runs/runs.module.js';
import { SchedulerLifecycle } from './lifecycle.js';
import { SchedulerMetrics } from './scheduler-metrics.js';
import { SchedulerSwitch } from './scheduler-switch.js';
import { SchedulerController } from './scheduler.controller.js';

/** The scheduler as a whole: it starts and stops the loops of this process, and pauses all replicas. */
@Module({
  imports: [ReplicasModule, RunsModule, JobsModule, AlertsModule],
  controllers: [SchedulerController],
  providers: [SchedulerLifecycle, SchedulerMetrics, SchedulerSwitch],
  exports: [SchedulerLifecycle],
})
export class SchedulerModule {}
