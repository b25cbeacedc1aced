import { createPostgresBackend } from 'bullmq';
import { openBullMq } from './open-bullmq.mjs';

export const open = (connectionString) =>
  openBullMq({ connectionString, max: 50, migrate: true }, createPostgresBackend);
