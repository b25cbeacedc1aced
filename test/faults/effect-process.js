// The service, with tasks that write a row at each start and end. Sends its address to the parent when it listens.
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Injectable, Module } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { getDataSourceToken } from '@nestjs/typeorm';
import { Pool } from 'pg';
import { z } from 'zod';
import { startCronzimus } from '../../dist/start.js';
import { Task } from '../../dist/tasks/task.decorator.js';

/** Writes the rows of public.effects, to another database than the service's if EFFECTS_URL is set. */
class Traces {
  constructor(database) {
    const { EFFECTS_URL } = process.env;
    this.database = EFFECTS_URL ? new Pool({ connectionString: EFFECTS_URL }) : database;
  }

  write(phase, execution, { run, job, scheduledAt, attempt }, tx = this.database) {
    return tx.query(
      `INSERT INTO public.effects (execution, phase, job, scheduled_at, run, attempt, pid, local)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`,
      [execution, phase, job.name, scheduledAt, run.id, attempt, process.pid, new Date()],
    );
  }

  /** Retries until the row is written: a database that is down for a while is no failure of the task. */
  async insist(phase, execution, context, deaf = false) {
    for (;;) {
      try {
        await this.write(phase, execution, context);
        return;
      } catch (error) {
        if (context.signal.aborted && !deaf) throw error;
        await pause(50);
      }
    }
  }
}

const input = z.object({
  holdMs: z.number(),
  edition: z.number().optional(),
  deaf: z.boolean().default(false),
  /** The first attempts of occurrences from `spinFrom` to `spinUntil` block their process. */
  spinFrom: z.number().default(0),
  spinUntil: z.number().default(0),
});

/** Takes `holdMs`, and ignores its signal when `deaf` is set. */
class Effect {
  constructor(traces) {
    this.traces = traces;
  }

  async run({ holdMs, edition, deaf, spinFrom, spinUntil }, context) {
    const execution = randomUUID();
    await this.traces.insist('start', execution, context, deaf);
    const at = context.scheduledAt.getTime();
    const until = Date.now() + holdMs;
    if (context.attempt === 1 && spinFrom <= at && at < spinUntil) while (Date.now() < until);
    else await pause(spinUntil > 0 ? 100 : holdMs, undefined, deaf ? {} : { signal: context.signal });
    await this.traces.insist('end', execution, context, deaf);
    return { execution, edition, attempt: context.attempt };
  }
}
Task({ name: 'effect', input })(Effect);

/** Writes its end in the transaction of its attempt. */
class Book {
  constructor(traces) {
    this.traces = traces;
  }

  async run({ holdMs }, context) {
    const execution = randomUUID();
    await this.traces.insist('start', execution, context);
    await context.transaction((tx) => this.traces.write('end', execution, context, tx));
    await pause(holdMs, undefined, { signal: context.signal });
    return { execution, attempt: context.attempt };
  }
}
Task({ name: 'book', input, transactional: true })(Book);

for (const task of [Effect, Book]) {
  Reflect.defineMetadata('design:paramtypes', [Traces], task);
  Injectable()(task);
}

/** Sends the address to the parent. */
class Address {
  constructor(host) {
    this.host = host;
  }

  onApplicationBootstrap() {
    const server = this.host.httpAdapter.getHttpServer();
    server.once('listening', () => process.send?.(`http://127.0.0.1:${server.address().port}`));
  }
}
Reflect.defineMetadata('design:paramtypes', [HttpAdapterHost], Address);
Injectable()(Address);

class Tasks {}
Module({
  providers: [
    { provide: Traces, useFactory: (database) => new Traces(database), inject: [getDataSourceToken()] },
    Effect,
    Book,
    Address,
  ],
})(Tasks);

process.once('disconnect', () => process.exit(1)); // Jest has ended.
await startCronzimus({ imports: [Tasks] });
