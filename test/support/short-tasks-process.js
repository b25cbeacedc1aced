// The whole service with a short task. Sends its address to the parent once it runs.
import { Injectable, Module } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import { Task } from '../../dist/tasks/task.decorator.js';
import { serveTasks } from './serve-tasks.js';

/** Writes a row, and ends. */
class Brief {
  constructor(database) {
    this.database = database;
  }
  async run(_input, { run, attempt }) {
    const values = [run.id, attempt, process.pid];
    await this.database.query('INSERT INTO public.begun (run, attempt, pid) VALUES ($1, $2, $3)', values);
  }
}
Injectable()(Brief);
Task({ name: 'brief' })(Brief);

class Tasks {}
Module({
  providers: [{ provide: Brief, useFactory: (database) => new Brief(database), inject: [getDataSourceToken()] }],
})(Tasks);

await serveTasks(Tasks);
