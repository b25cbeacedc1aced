import type { DataSourceOptions } from 'typeorm';
import type { Environment } from '../config/environment.js';

/** The names of our own pools; the default, unnamed DataSource belongs to tasks and to users. */
export const API = 'api';
export const SCHEDULER = 'scheduler';
export const TASKS = 'tasks';

export type DatabaseSettings = Pick<Environment, 'DATABASE_URL' | 'DATABASE_DIRECT_URL' | 'DATABASE_SCHEMA'>;

/** The client's own limit of a statement, for a connection that has died without a word; the server's is set per transaction. */
const LONGEST_STATEMENT_MS = { [API]: 8_000, [SCHEDULER]: 60_000 };

/** The options of a pool of up to `max` connections to the service's database. */
export function dataSourceOptions(settings: DatabaseSettings, name: string, max: number) {
  return {
    type: 'postgres',
    url: settings.DATABASE_URL,
    applicationName: `cronzimus ${name}`,
    uuidExtension: 'pgcrypto',
    installExtensions: false,
    extra: {
      max,
      connectionTimeoutMillis: 5_000,
      // None for tasks, whose statements may take as long as the attempt.
      query_timeout: LONGEST_STATEMENT_MS[name as typeof API | typeof SCHEDULER] ?? 0,
      keepAlive: true,
      // Statements that do not need each other's answers share a round trip. Not for tasks: users may read with cursors.
      pipeline: name !== TASKS,
    },
  } satisfies DataSourceOptions;
}
