import { Module } from '@nestjs/common';
import { JobsModule } from '../jobs/jobs.module.js';
import { ReplicasModule } from '../replicas/replicas.module.js';
import { RunsModule } from '../runs/runs.module.js';
import { TasksModule } from '../tasks/tasks.module.js';
import { AlertsMetrics } from './alerts-metrics.js';
import { AlertsController } from './alerts.controller.js';
import { AlertsService } from './alerts.service.js';
import { ChannelsController } from './channels.controller.js';
import { AlertEvaluator } from './evaluator.js';
import { OutgoingHeartbeat } from './outgoing-heartbeat.js';

/** Notifies people when runs fail, are late or missed: finds out what has happened, and queues the messages about it. */
@Module({
  imports: [ReplicasModule, TasksModule, RunsModule, JobsModule],
  controllers: [AlertsController, ChannelsController],
  providers: [AlertEvaluator, AlertsService, AlertsMetrics, OutgoingHeartbeat],
  exports: [AlertEvaluator, OutgoingHeartbeat],
})
export class AlertsModule {}
