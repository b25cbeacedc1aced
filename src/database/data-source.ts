import type { DataSourceOptions } from 'typeorm';
import type { Environment } from '../config/environment.js';

/** The names of our own pools; the default, unnamed DataSource belongs to tasks and to users. */
export const API = 'api';
export const SCHEDULER = 'scheduler';

export type DatabaseSettings = Pick<Environment, 'DATABASE_URL' | 'DATABASE_SCHEMA'>;

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
      // The client's own limit, for a connection that has died without a word. The server's is set per transaction.
      query_timeout: 60_000,
      keepAlive: true,
    },
  } satisfies DataSourceOptions;
}
