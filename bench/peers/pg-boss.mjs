import { openPgBoss } from './open-pg-boss.mjs';

// With more workers it drains no faster, and each waits longer for its turn when all are woken.
export const open = (url) =>
  openPgBoss(
    url,
    { monitorIntervalSeconds: 1, superviseIntervalSeconds: 1, queueCacheIntervalSeconds: 1 },
    { localConcurrency: 10, burstWhenReadyExceeds: 1 },
  );
