// The whole service as one of two builds of it, BUILD=old or new: they differ in the tasks they know and the jobs they declare.
// Tells its address when it runs; looks for jobs that nobody declares at the word `sweep`, and says when it has.
import { Injectable, Module } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import { createApplication, serve } from '../../dist/application.js';
import { readEnvironment } from '../../dist/config/environment.js';
import { Declarations } from '../../dist/jobs/declarations.js';
import { Task } from '../../dist/tasks/task.decorator.js';

const yearly = { trigger: { type: 'cron', expression: '@yearly' } };
const builds = {
  old: { x: { b: yearly }, y: { a: { ...yearly, description: 'old' } } },
  new: { y: { a: { ...yearly, description: 'new' } }, z: { c: yearly } },
};

/** Leaves a row that says which build it is of. */
function taskOf(name, jobs) {
  class Leave {
    constructor(database) {
      this.database = database;
    }
    async run(_input, { run }) {
      const values = [run.id, name, process.env.BUILD];
      await this.database.query('INSERT INTO public.ran (run, task, build) VALUES ($1, $2, $3)', values);
    }
  }
  Injectable()(Leave);
  Task({ name, jobs })(Leave);
  return { provide: Leave, useFactory: (database) => new Leave(database), inject: [getDataSourceToken()] };
}

class Tasks {}
Module({ providers: Object.entries(builds[process.env.BUILD]).map(([name, jobs]) => taskOf(name, jobs)) })(Tasks);

const environment = readEnvironment(process.env);
const app = await createApplication(environment, [Tasks]);
const stop = await serve(app, environment);
process.once('SIGTERM', () => void end());
process.on(
  'message',
  () =>
    void app
      .get(Declarations, { strict: false })
      .keep()
      .then(() => process.send('swept')),
);
process.send(await app.getUrl());

async function end() {
  await stop();
  await app.close();
  process.exit(0);
}
