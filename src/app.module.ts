import { type DynamicModule, Module, type ModuleMetadata } from '@nestjs/common';
import { AlertsModule } from './alerts/alerts.module.js';
import { AuthModule } from './auth/auth.module.js';
import { ChannelsModule } from './channels/channels.module.js';
import { ComputeModule } from './compute/compute.module.js';
import { ConfigModule } from './config/config.module.js';
import type { Environment } from './config/environment.js';
import { DatabaseModule } from './database/database.module.js';
import { HealthModule } from './health/health.module.js';
import { InsightModule } from './insight/insight.module.js';
import { JobsModule } from './jobs/jobs.module.js';
import { LoggingModule } from './logging/logging.module.js';
import { MetricsModule } from './metrics/metrics.module.js';
import { ReplicasModule } from './replicas/replicas.module.js';
import { RunsModule } from './runs/runs.module.js';
import { SchedulerModule } from './scheduler/scheduler.module.js';
import { TasksModule } from './tasks/tasks.module.js';

/** All modules of the service. Each depends only on those before it. `imports` are the user's own modules. */
@Module({})
export class AppModule {
  static with(environment: Environment, imports: NonNullable<ModuleMetadata['imports']> = []): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.with(environment),
        LoggingModule,
        DatabaseModule,
        AuthModule,
        ComputeModule,
        MetricsModule.with(environment),
        ReplicasModule,
        TasksModule,
        ChannelsModule,
        RunsModule,
        JobsModule,
        AlertsModule,
        SchedulerModule,
        InsightModule,
        HealthModule,
        ...imports,
      ],
    };
  }
}
