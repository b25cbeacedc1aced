// The service with a task that writes its input to every place it can reach. Sends its address when it runs.
import { Injectable, Logger, Module } from '@nestjs/common';
import { z } from 'zod';
import { PinoLogger } from 'nestjs-pino';
import { Task } from '../../dist/tasks/task.decorator.js';
import { serveTasks } from './serve-tasks.js';

class Tell {
  logger = new Logger('Tell');

  async run({ text, fails }, { log }) {
    log.info(`text ${text}`);
    log.warn({ text, [text]: [text], err: new Error(`error of ${text}`) }, `fields ${text}`);
    log.error(new Error(`only ${text}`), 'failed');
    // Not through the context, as a service that the task calls would log.
    this.logger.log(`service ${text}`);
    this.logger.error({ text }, new Error(`service of ${text}`));
    const child = PinoLogger.root.child({ bound: text }).child({ again: [text] });
    child.info(`child ${text}`);
    child.info('format %s', text);
    if (fails) throw Object.assign(new Error(`thrown ${text}`, { cause: new Error(`cause ${text}`) }), { code: text });
    return { text, [text]: [`twice ${text}${text}`], cut: text.slice(0, 12) };
  }
}
Injectable()(Tell);
Task({ name: 'tell', input: z.strictObject({ text: z.string(), fails: z.boolean().default(false) }) })(Tell);

class Tasks {}
Module({ providers: [Tell] })(Tasks);

await serveTasks(Tasks);
