// The service as one of two builds, BUILD=old or new, which have different tasks and declare different jobs. Sends its address when it
// runs. At each message it sweeps the jobs that nobody declares, and then sends `swept`.
import { Injectable, Module } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import { z } from 'zod';
import { createApplication, serve } from '../../dist/application.js';
import { readEnvironment } from '../../dist/config/environment.js';
import { Declarations } from '../../dist/jobs/declared/declarations.js';
import { Task } from '../../dist/tasks/task.decorator.js';

const yearly = { trigger: { type: 'cron', expression: '@yearly' } };
const builds = {
  old: {
    x: { jobs: { b: yearly } },
    y: { jobs: { a: { ...yearly, description: 'old' } } },
  },
  new: {
    y: { jobs: { a: { ...yearly, description: 'new' } }, input: z.strictObject({ note: z.string().optional() }) },
    z: {
      jobs: { c: yearly },
      description: 'Only the new build has it.',
      input: z.strictObject({ times: z.int().min(1).default(1), key: z.string().min(8).optional() }),
    },
  },
};

/** A task that writes a row with its build. */
function taskOf(name, options) {
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
  Task({ name, ...options })(Leave);
  return { provide: Leave, useFactory: (database) => new Leave(database), inject: [getDataSourceToken()] };
}

class Tasks {}
Module({ providers: Object.entries(builds[process.env.BUILD]).map(([name, options]) => taskOf(name, options)) })(Tasks);

const environment = readEnvironment(process.env);
const app = await createApplication(environment, [Tasks]);
const stop = await serve(app, environment);
process.once('SIGTERM', () => void end());
process.on(
  'message',
  () =>
    void app
      .get(Declarations, { strict: false })
      .reconcile()
      .then(() => process.send('swept')),
);
process.send(await app.getUrl());

async function end() {
  await stop();
  await app.close();
  process.exit(0);
}
