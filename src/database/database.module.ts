import { Global, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
import { ApiDatabase } from './api-database.js';
import { API, dataSourceOptions, SCHEDULER, TASKS } from './data-source.js';
import { SchedulerDatabase } from './scheduler-database.js';
import { SuperuserWarning } from './superuser-warning.js';

const pool = (name: string | undefined, max: (environment: Environment) => number) =>
  TypeOrmModule.forRootAsync({
    ...(name !== undefined && { name }),
    inject: [ENVIRONMENT],
    useFactory: (environment: Environment) => ({
      ...dataSourceOptions(environment, name ?? TASKS, max(environment)),
      autoLoadEntities: true,
      retryAttempts: 0,
    }),
  });

/** The connection pools: the default one for tasks and users, one for API requests, and one for the scheduler. */
@Global()
@Module({
  imports: [
    pool(undefined, (environment) => environment.TASK_POOL_MAX),
    pool(API, (environment) => environment.DATABASE_POOL_MAX),
    pool(SCHEDULER, () => 4),
  ],
  providers: [ApiDatabase, SchedulerDatabase, SuperuserWarning],
  exports: [ApiDatabase, SchedulerDatabase],
})
export class DatabaseModule {}
