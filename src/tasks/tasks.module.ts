import { type FactoryProvider, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
import { isLoopback } from '../core/ip.js';
import { ReplicasModule } from '../replicas/replicas.module.js';
import { HttpTask } from './http.task.js';
import { TaskPublication } from './published-tasks.js';
import { Secrets } from './secrets.js';
import { ForeignSqlTask, SqlTask } from './sql.task.js';
import { TableSizes } from './table-sizes.task.js';
import { TaskRegistry } from './task.registry.js';
import { TasksController } from './tasks.controller.js';

/** SQL_TASK_DATABASE_URL says which database the task sql uses. Unless HOST is loopback, it must be set; otherwise there
 *  is no task sql. */
const sqlTask: FactoryProvider = {
  provide: SqlTask,
  inject: [ENVIRONMENT],
  useFactory: ({ HOST, SQL_TASK_DATABASE_URL: url }: Environment) => {
    const database = url ?? (isLoopback(HOST) ? 'self' : undefined);
    if (database === undefined) return null;
    return database === 'self' ? new SqlTask() : new ForeignSqlTask(database);
  },
};

/** The tasks: those of the service, and those of the user's modules. */
@Module({
  imports: [DiscoveryModule, ReplicasModule],
  controllers: [TasksController],
  providers: [TaskRegistry, TaskPublication, Secrets, HttpTask, sqlTask, TableSizes],
  exports: [TaskRegistry, Secrets],
})
export class TasksModule {}
