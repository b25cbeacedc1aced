// The whole service, with a task that leaves a trace of each start and end. Tells its address when it runs.
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Injectable, Module } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import { z } from 'zod';
import './skewed-clock.js';

const { createApplication, serve } = await import('../../dist/application.js');
const { readEnvironment } = await import('../../dist/config/environment.js');
const { Task } = await import('../../dist/tasks/task.decorator.js');

/** Takes `holdMs`, and does not heed its signal where it is `deaf`. Blocks its process meanwhile, once, where it is told to spin. */
class Effect {
  constructor(database) {
    this.database = database;
  }

  async run({ holdMs, deaf, spinFrom, spinUntil }, context) {
    const execution = randomUUID();
    const trace = (phase) => this.trace(phase, execution, context, deaf);
    await trace('start');
    const at = context.scheduledAt.getTime();
    const spin = context.attempt === 1 && spinFrom <= at && at < spinUntil;
    const until = Date.now() + holdMs;
    if (spin) while (Date.now() < until);
    else await pause(spinUntil > 0 ? 100 : holdMs, undefined, deaf ? {} : { signal: context.signal });
    await trace('end');
    return { execution, attempt: context.attempt };
  }

  /** Tries until it is written: a database that is away for a while is no failure of the task. */
  async trace(phase, execution, { run, job, scheduledAt, attempt, signal }, deaf) {
    for (;;) {
      try {
        await this.database.query(
          `INSERT INTO public.effects (execution, phase, job, scheduled_at, run, attempt, pid) VALUES ($1, $2, $3, $4, $5, $6, $7)
           ON CONFLICT DO NOTHING`,
          [execution, phase, job.name, scheduledAt, run.id, attempt, process.pid],
        );
        return;
      } catch (error) {
        if (signal.aborted && !deaf) throw error;
        await pause(50);
      }
    }
  }
}
Reflect.defineMetadata('design:paramtypes', [Object], Effect);
Injectable()(Effect);
const input = z.object({
  holdMs: z.number(),
  deaf: z.boolean().default(false),
  spinFrom: z.number().default(0),
  spinUntil: z.number().default(0),
});
Task({ name: 'effect', input })(Effect);

class Tasks {}
Module({
  providers: [{ provide: Effect, useFactory: (database) => new Effect(database), inject: [getDataSourceToken()] }],
})(Tasks);

const environment = readEnvironment(process.env);
const app = await createApplication(environment, [Tasks]);
const stop = await serve(app, environment);
process.once('SIGTERM', () => void end());
process.once('disconnect', () => process.exit(1)); // The suite is gone.
process.send(await app.getUrl());

async function end() {
  await stop();
  await app.close();
  process.exit(0);
}
