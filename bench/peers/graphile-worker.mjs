import { openGraphileWorker } from './open-graphile-worker.mjs';

export const open = (url) => openGraphileWorker(url, { concurrentJobs: 40, maxPoolSize: 42, pollInterval: 500 });
