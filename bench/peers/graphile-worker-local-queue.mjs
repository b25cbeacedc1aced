import { openGraphileWorker } from './open-graphile-worker.mjs';

export const open = (url) =>
  openGraphileWorker(url, {
    concurrentJobs: 24,
    maxPoolSize: 25,
    pollInterval: 500,
    localQueue: { size: 500 },
    completeJobBatchDelay: 0,
    failJobBatchDelay: 0,
  });
