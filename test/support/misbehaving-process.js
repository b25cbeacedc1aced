// The service with tasks that harm their process.
import { Injectable, Module } from '@nestjs/common';
import { startCronzimus } from '../../dist/start.js';
import { Task } from '../../dist/tasks/task.decorator.js';

class Spin {
  run() {
    spinForEver();
  }
}
function spinForEver() {
  for (;;);
}
Injectable()(Spin);
Task({ name: 'spin' })(Spin);

class Deaf {
  run() {
    return new Promise(() => setInterval(() => {}, 1_000));
  }
}
Injectable()(Deaf);
Task({ name: 'deaf' })(Deaf);

/** Waits for its signal, and sends the code of its reason to the parent. */
class Listen {
  async run(_input, { signal }) {
    process.send('listening');
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    process.send(signal.reason.code);
    signal.throwIfAborted();
  }
}
Injectable()(Listen);
Task({ name: 'listen' })(Listen);

class Tasks {
  onApplicationBootstrap() {
    if (process.env.BLOCK_AT_START) spinForEver();
  }
}
Module({ providers: [Spin, Deaf, Listen] })(Tasks);

await startCronzimus({ imports: [Tasks] });
