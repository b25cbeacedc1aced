import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const { dependencies } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const nestSchedule = createRequire(import.meta.url)('@nestjs/schedule/package.json').version;

const QUEUE = ['lateness', 'burst', 'throughput'];

/** `slow`: measured in one round only, and with fewer jobs where the figure is a rate. `extra`: not in a quick run. */
const all = [
  {
    name: 'graphile-worker',
    module: './graphile-worker.mjs',
    on: 'PostgreSQL',
    settings: `${dependencies['graphile-worker']}: concurrentJobs 40, maxPoolSize 42, pollInterval 500`,
    for: QUEUE,
    slow: true,
  },
  {
    name: 'graphile-worker, localQueue',
    module: './graphile-worker-local-queue.mjs',
    on: 'PostgreSQL',
    settings: `${dependencies['graphile-worker']}: as its page on performance has it: concurrentJobs 24, maxPoolSize 25, localQueue size 500, completeJobBatchDelay 0, failJobBatchDelay 0; pollInterval 500`,
    for: QUEUE,
    extra: true,
  },
  {
    name: 'pg-boss work()',
    module: './pg-boss.mjs',
    on: 'PostgreSQL',
    settings: `${dependencies['pg-boss']}: localConcurrency 10, useListenNotify and notify, polls each 0.5 s, burstWhenReadyExceeds 1 with statistics each 1 s`,
    for: QUEUE,
    slow: true,
  },
  {
    name: 'pg-boss work(), batches',
    module: './pg-boss-batches.mjs',
    on: 'PostgreSQL',
    settings: `${dependencies['pg-boss']}: batchSize 500, perJobResults, burstWhenBatchFull, useListenNotify and notify, polls each 0.5 s`,
    for: QUEUE,
    extra: true,
  },
  {
    name: 'BullMQ on Redis',
    module: './bullmq-redis.mjs',
    on: 'Redis',
    settings: `${dependencies.bullmq}: concurrency 50`,
    for: QUEUE,
  },
  {
    name: 'BullMQ on PostgreSQL',
    module: './bullmq-postgres.mjs',
    on: 'PostgreSQL',
    settings: `${dependencies.bullmq}: createPostgresBackend, concurrency 50, pool of 50`,
    for: QUEUE,
    extra: true,
    slow: true,
  },
  {
    name: '@nestjs/schedule alone',
    module: './nestjs-schedule.mjs',
    on: 'nothing',
    settings: `${nestSchedule}: 100 CronJobs of * * * * * * in memory, each due at the whole second; it stores nothing`,
    for: ['lateness'],
    extra: true,
  },
];

/** Those that fit a workload; without Redis, those that need none. */
export const peers = ({ redis, quick, for: workload }) =>
  all.filter((peer) => peer.for.includes(workload) && (redis || peer.on !== 'Redis') && !(quick && peer.extra));
