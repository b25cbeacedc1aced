// The service with a task that logs many lines. Sends its address to the parent once it runs.
import { once } from 'node:events';
import { Injectable, Module } from '@nestjs/common';
import { z } from 'zod';
import { Task } from '../../dist/tasks/task.decorator.js';
import { serveTasks } from './serve-tasks.js';

const input = z.strictObject({ lines: z.int(), ending: z.enum(['throw', 'abort', 'ignore']) });

/** Logs `line 1` and so on. Then it throws, or waits for its signal, or ignores its signal. */
class Talk {
  async run({ lines, ending }, { log, signal, attempt }) {
    for (let line = 1; line <= lines; line += 1) log.info(`line ${line}`);
    if (ending === 'throw' || attempt > 1) throw new Error('no words left');
    if (!signal.aborted) await once(signal, 'abort');
    log.warn('aborted');
    if (ending === 'ignore') await new Promise(() => {});
    signal.throwIfAborted();
  }
}
Injectable()(Talk);
Task({ name: 'talk', input })(Talk);

class Tasks {}
Module({ providers: [Talk] })(Tasks);

await serveTasks(Tasks);
