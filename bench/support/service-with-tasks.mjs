// The service as a user starts it, with two tasks that tell when they start.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
import { Inject, Injectable, Module } from '@nestjs/common';
import { SchedulerRegistry } from '@nestjs/schedule';
import { startCronzimus, Task } from '../../dist/index.js';
import { answer } from './ask.mjs';
import { now, started, starts } from './starts.mjs';

const WORK_MS = 200;

class Noop {
  run(_input, { scheduledAt }) {
    started(scheduledAt.getTime());
  }
}
Injectable()(Noop);
Task({ name: 'noop' })(Noop);

/** Takes its time, and tells the parent of its start and of its end. */
class Work {
  async run(_input, { run, attempt, signal }) {
    process.send({ run: run.id, attempt, startedAt: now() });
    await setTimeout(WORK_MS, undefined, { signal });
    process.send({ run: run.id, attempt, endedAt: now() });
  }
}
Injectable()(Work);
Task({ name: 'work' })(Work);

class Tasks {
  constructor(registry) {
    const delay = monitorEventLoopDelay();
    answer({
      ...starts,
      alarms: () => registry.getCronJobs().size,
      // Watched until it is asked for, since watching keeps an idle process busy. `again` starts anew.
      worstStallMs: (again = false) => {
        const worst = delay.max / 1e6;
        delay.disable();
        if (again) {
          delay.reset();
          delay.enable();
        }
        return worst;
      },
    });
    delay.enable();
  }
}
Inject(SchedulerRegistry)(Tasks, undefined, 0);
Module({ providers: [Noop, Work] })(Tasks);

await startCronzimus({ imports: [Tasks] });
