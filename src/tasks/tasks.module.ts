import { type FactoryProvider, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
import { isLoopback } from '../core/ip.js';
import { QueueModule } from '../replicas/replicas.module.js';
import { ForeignSqlTask } from './foreign-sql.task.js';
import { HttpTask } from './http.task.js';
import { Secrets } from './secrets.js';
import { SqlTask } from './sql.task.js';
import { TableSizes } from './table-sizes.task.js';
import { TaskMetrics } from './task-metrics.js';
import { TaskPublication } from './task-publication.js';
import { TaskRegistry } from './task.registry.js';
import { TasksController } from './tasks.controller.js';

/** On whose database SQL_TASK_DATABASE_URL says, and whoever can be reached from outside must say; else there is none. */
const sqlTask: FactoryProvider = {
  provide: SqlTask,
  inject: [ENVIRONMENT],
  useFactory: ({ HOST, SQL_TASK_DATABASE_URL: url }: Environment) => {
    const database = url ?? (isLoopback(HOST) ? 'self' : undefined);
    if (database === undefined) return null;
    return database === 'self' ? new SqlTask() : new ForeignSqlTask(database);
  },
};

/** What jobs can run: the tasks that come with the service, and those found in the user's modules. */
@Module({
  imports: [DiscoveryModule, QueueModule],
  controllers: [TasksController],
  providers: [TaskRegistry, TaskMetrics, TaskPublication, Secrets, HttpTask, sqlTask, TableSizes],
  exports: [TaskRegistry, Secrets],
})
export class TasksModule {}
