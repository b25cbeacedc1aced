import { type FactoryProvider, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { PinoLogger } from 'nestjs-pino';
import { ENVIRONMENT } from '../config/environment.js';
import { NameResolver } from '../core/dns/name-resolver.js';
import { ReplicasModule } from '../replicas/replicas.module.js';
import { HttpTask } from './http.task.js';
import { TaskPublication } from './published-tasks.js';
import { Secrets } from './secrets.js';
import { createSqlTask } from './create-sql-task.js';
import { SqlTask } from './sql.task.js';
import { TableSizes } from './table-sizes.task.js';
import { TaskRegistry } from './task.registry.js';
import { TasksController } from './tasks.controller.js';

/** SQL_TASK_DATABASE_URL says which database the task sql uses. Unless HOST is loopback, it must be set; otherwise there
 *  is no task sql. */
const sqlTask: FactoryProvider = {
  provide: SqlTask,
  inject: [ENVIRONMENT, PinoLogger],
  useFactory: createSqlTask,
};

/** The tasks: those of the service, and those of the user's modules. */
@Module({
  imports: [DiscoveryModule, ReplicasModule],
  controllers: [TasksController],
  providers: [
    TaskRegistry,
    TaskPublication,
    Secrets,
    { provide: NameResolver, useValue: new NameResolver() },
    HttpTask,
    sqlTask,
    TableSizes,
  ],
  exports: [TaskRegistry, Secrets, NameResolver],
})
export class TasksModule {}
