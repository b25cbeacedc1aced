import { randomBytes } from 'node:crypto';
import type { DataSourceOptions } from 'typeorm';
import type { Environment } from '../config/environment.js';
import { databaseSocket } from './database-socket.js';
import { ServiceClient } from './pooled-client.js';
import { taskDriver } from './task-pool.js';

/** The names of the service's own pools. Tasks and users have the default DataSource, which has no name. */
export const API = 'api';
export const SCHEDULER = 'scheduler';
export const TASKS = 'tasks';

/** The application_name of the scheduler's connections. No other process has the same one, so other replicas can see whether this
 *  process still has connections (see docs/adr/0027). */
export const SCHEDULER_APPLICATION = `cronzimus ${SCHEDULER} ${randomBytes(6).toString('hex')}`;

export type DatabaseSettings = Pick<Environment, 'DATABASE_URL' | 'DATABASE_DIRECT_URL' | 'DATABASE_SCHEMA'>;

/** How long the client waits for a statement at least, in case a connection dies silently. Each transaction sets the server's own
 *  limit, and the client waits longer than that. */
const MAX_STATEMENT_MS = { [API]: 8_000, [SCHEDULER]: 60_000 };

/** Options of a pool with up to `max` connections to the service's database. `name` is part of the connections' application_name. */
export function dataSourceOptions(settings: DatabaseSettings, name: string, max: number) {
  return {
    type: 'postgres',
    url: settings.DATABASE_URL,
    applicationName: name === SCHEDULER ? SCHEDULER_APPLICATION : `cronzimus ${name}`,
    uuidExtension: 'pgcrypto',
    installExtensions: false,
    // Tasks wait for a connection as long as their attempt may run.
    ...(name === TASKS && { driver: taskDriver }),
    extra: {
      Client: ServiceClient,
      max,
      // The scheduler keeps its connections. Many jobs that are due together need them all, and opening them at that moment
      // would delay the first runs by 20 to 40 ms.
      min: name === SCHEDULER ? max : 0,
      connectionTimeoutMillis: 5_000,
      // No limit for tasks: their statements may take as long as the attempt.
      query_timeout: MAX_STATEMENT_MS[name as typeof API | typeof SCHEDULER] ?? 0,
      keepAlive: true,
      // Of the pools of pg. `TaskPool` has its own.
      stream: () => databaseSocket(),
      // Statements that do not depend on each other share a round trip. Not for tasks, since users may read with cursors.
      pipeline: name !== TASKS,
    },
  } satisfies DataSourceOptions;
}
