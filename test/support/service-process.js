// The whole service, with tasks that tests need. Tells its address when it runs.
import { Injectable, Module } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import { createApplication, serve } from '../../dist/application.js';
import { readEnvironment } from '../../dist/config/environment.js';
import { Task } from '../../dist/tasks/task.decorator.js';

/** Leaves a row when it begins, and waits for its signal or for a file that never comes. */
class Hold {
  constructor(database) {
    this.database = database;
  }
  async run(_input, { run, attempt, signal }) {
    await this.database.query('INSERT INTO public.begun (run, attempt, pid) VALUES ($1, $2, $3)', [
      run.id,
      attempt,
      process.pid,
    ]);
    await new Promise((_resolve, reject) => {
      const alive = setInterval(() => {}, 1_000);
      signal.addEventListener('abort', () => {
        clearInterval(alive);
        reject(signal.reason);
      });
    });
  }
}
Reflect.defineMetadata('design:paramtypes', [Object], Hold);
Injectable()(Hold);
Task({ name: 'hold' })(Hold);

/** Writes a row in the transaction of its attempt; the first one then waits for ever. */
class Book {
  async run(_input, { run, attempt, transaction }) {
    await transaction(async (tx) => {
      const values = [run.id, attempt, process.pid];
      await tx.query('INSERT INTO public.begun (run, attempt, pid) VALUES ($1, $2, $3)', values);
      if (attempt === 1) await tx.query('SELECT pg_sleep(600)');
    });
  }
}
Injectable()(Book);
Task({ name: 'book', transactional: true })(Book);

class Tasks {}
Module({
  providers: [Book, { provide: Hold, useFactory: (database) => new Hold(database), inject: [getDataSourceToken()] }],
})(Tasks);

const environment = readEnvironment(process.env);
const app = await createApplication(environment, [Tasks]);
const stop = await serve(app, environment);
process.once('SIGTERM', () => void end());
process.send(await app.getUrl());

async function end() {
  await stop();
  await app.close();
  process.exit(0);
}
