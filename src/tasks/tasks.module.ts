import { Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { HttpTask } from './http.task.js';
import { SqlTask } from './sql.task.js';
import { TableSizes } from './table-sizes.task.js';
import { TaskRegistry } from './task.registry.js';
import { TasksController } from './tasks.controller.js';

/** What jobs can run: the tasks that come with the service, and those found in the user's modules. */
@Module({
  imports: [DiscoveryModule],
  controllers: [TasksController],
  providers: [TaskRegistry, HttpTask, SqlTask, TableSizes],
  exports: [TaskRegistry],
})
export class TasksModule {}
