import { openPgBoss } from './open-pg-boss.mjs';

export const open = (url) => openPgBoss(url, {}, { batchSize: 500, perJobResults: true, burstWhenBatchFull: true });
