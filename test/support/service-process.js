// The service with the tasks `hold`, `book`, `nap` and `kill`. Sends its address when it runs.
import { setTimeout } from 'node:timers/promises';
import { Injectable, Module } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import { Task } from '../../dist/tasks/task.decorator.js';
import { serveTasks } from './serve-tasks.js';

/** Writes a row when it begins, and waits for its signal. */
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

/** Writes a row in the transaction of its attempt. The first attempt then waits for ever. */
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

/** Takes a second. */
class Nap {
  run = () => setTimeout(1_000);
}
Injectable()(Nap);
Task({ name: 'nap' })(Nap);

/** Ends its process half a second later, as a crash would. */
class Kill {
  async run() {
    await setTimeout(500);
    process.kill(process.pid, 'SIGKILL');
  }
}
Injectable()(Kill);
Task({ name: 'kill' })(Kill);

class Tasks {}
Module({
  providers: [
    Book,
    Nap,
    Kill,
    { provide: Hold, useFactory: (database) => new Hold(database), inject: [getDataSourceToken()] },
  ],
})(Tasks);

await serveTasks(Tasks);
