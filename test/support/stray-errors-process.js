/* oxlint-disable no-console -- a task may print */
// The service with tasks whose errors no code handles.
import { EventEmitter } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { Injectable, Module } from '@nestjs/common';
import { z } from 'zod';
import { startCronzimus } from '../../dist/start.js';
import { Task } from '../../dist/tasks/task.decorator.js';

const reject = async (error) => {
  await pause(5);
  throw error;
};

const strays = {
  'forgotten await': (error) => void reject(error),
  'rejection of a listener': (error) => setTimeout(() => void reject(error), 5),
  'rejection with an object': (error) => void reject({ text: error.message }),
  'rejection with what cannot be read': (error) => void reject(unreadable(error)),
  'rejection with an error whose stack cannot be read': (error) =>
    void reject(Object.defineProperty(error, 'stack', { get: () => throwIt(error) })),
  warning: (error) => process.emitWarning(error.message, { type: 'StrayWarning', detail: error.message }),
  'warning with an error': (error) => process.emitWarning(error),
  'warning in a timer': (error) => setTimeout(() => process.emitWarning(error.message), 5),
  deprecation: (error) => process.emitWarning(error.message, 'DeprecationWarning', 'STRAY1'),
  'console.log': (error) => console.log('%s', error.message),
  'console.error': (error) => console.error(error),
  'console.trace': (error) => console.trace(error.message),
  'console.table': (error) => console.table([{ text: error.message }]),
  'console.dir': (error) => setTimeout(() => console.dir({ text: error.message }), 5),
  timer: (error) => setTimeout(() => throwIt(error), 5),
  'event emitter': (error) => setImmediate(() => new EventEmitter().emit('error', error)),
  callback: (error) => process.nextTick(() => throwIt(error)),
};

const unreadable = (error) =>
  new Proxy({}, { get: () => throwIt(error), getPrototypeOf: () => throwIt(error), ownKeys: () => throwIt(error) });

function throwIt(error) {
  throw error;
}

/** Leaves an error behind, and returns after it was thrown. */
class Stray {
  async run({ kind, secret }) {
    strays[kind](new Error(`stray ${secret}`));
    await pause(200);
  }
}
Injectable()(Stray);
Task({ name: 'stray', input: z.strictObject({ kind: z.enum(Object.keys(strays)), secret: z.string() }) })(Stray);

class Tasks {
  onApplicationBootstrap() {
    if (process.env.STRAY_AT_START) setTimeout(() => strays[process.env.STRAY_AT_START](new Error('of a module')), 10);
  }
}
Module({ providers: [Stray] })(Tasks);

await startCronzimus({ imports: [Tasks] });
