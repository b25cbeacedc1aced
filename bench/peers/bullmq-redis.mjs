import { openBullMq } from './open-bullmq.mjs';

export const open = (url) => openBullMq({ url, maxRetriesPerRequest: null });
