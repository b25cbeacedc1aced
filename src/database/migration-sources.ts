import {
  DataSource,
  type DataSourceOptions,
  type EntitySubscriberInterface,
  type TransactionStartEvent,
} from 'typeorm';
import { Problem } from '../core/problem.js';
import { dataSourceOptions, type DatabaseSettings } from './data-source.js';
import { SequentialClient } from './sequential-client.js';
import { JobsAndRuns1790000000000 } from './migrations/1790000000000-jobs-and-runs.js';
import { Policies1790100000000 } from './migrations/1790100000000-policies.js';
import { Roles1790200000000 } from './migrations/1790200000000-roles.js';
import { Audit1790350000000 } from './migrations/1790350000000-audit.js';
import { IdempotencyKeys1790400000000 } from './migrations/1790400000000-idempotency-keys.js';
import { Tasks1790500000000 } from './migrations/1790500000000-tasks.js';
import { Lists1790600000000 } from './migrations/1790600000000-lists.js';
import { RunsById1790700000000 } from './migrations/1790700000000-runs-by-id.js';
import { FewerJobIndexes1790800000000 } from './migrations/1790800000000-fewer-job-indexes.js';
import { RunQueue1790900000000 } from './migrations/1790900000000-run-queue.js';
import { Suspects1791000000000 } from './migrations/1791000000000-suspects.js';
import { TimeZoneData1791100000000 } from './migrations/1791100000000-time-zone-data.js';
import { Connections1791300000000 } from './migrations/1791300000000-connections.js';
import { KeysOfRetries1791400000000 } from './migrations/1791400000000-keys-of-retries.js';
import { MissingLogLines1791500000000 } from './migrations/1791500000000-missing-log-lines.js';
import { DataLosses1791600000000 } from './migrations/1791600000000-data-losses.js';
import { Alerts1791800000000 } from './migrations/1791800000000-alerts.js';
import { ClockChange1791900000000 } from './migrations/1791900000000-clock-change.js';
import { KeptHistory1791950000000 } from './migrations/1791950000000-kept-history.js';
import { noTransactionTimeout, READ_COMMITTED } from './transaction-settings.js';

/** The user's migrations, in the form that TypeORM accepts: classes, or patterns of file names. */
export type Migrations = NonNullable<DataSourceOptions['migrations']>;

const ours = [
  JobsAndRuns1790000000000,
  Policies1790100000000,
  Roles1790200000000,
  Audit1790350000000,
  IdempotencyKeys1790400000000,
  Tasks1790500000000,
  Lists1790600000000,
  RunsById1790700000000,
  FewerJobIndexes1790800000000,
  RunQueue1790900000000,
  Suspects1791000000000,
  TimeZoneData1791100000000,
  Connections1791300000000,
  KeysOfRetries1791400000000,
  MissingLogLines1791500000000,
  DataLosses1791600000000,
  Alerts1791800000000,
  ClockChange1791900000000,
  KeptHistory1791950000000,
];

/** Our migrations may take longer than the role's limits for statements, and their texts rely on the default for strings. */
const SETTINGS = `${READ_COMMITTED}; SELECT set_config('statement_timeout', '0', true), set_config('lock_timeout', '0', true),
  set_config('idle_in_transaction_session_timeout', '60s', true), set_config('standard_conforming_strings', 'on', true),
  ${noTransactionTimeout}`;

class Settings implements EntitySubscriberInterface {
  async afterTransactionStart({ queryRunner }: TransactionStartEvent): Promise<void> {
    await queryRunner.query(SETTINGS);
  }
}

export const migrationSource = (settings: DatabaseSettings) =>
  new DataSource({
    ...dataSourceOptions(settings, 'migrate', 1),
    schema: settings.DATABASE_SCHEMA,
    migrations: ours,
    subscribers: [Settings],
    migrationsTableName: 'migrations',
    migrationsTransactionMode: 'each',
  });

/** The user's migrations run in the default schema, with the same table of applied migrations as TypeORM's own command line. Like
 *  tasks, they may read with cursors, so their connection is not pipelined. */
export const userSource = (settings: DatabaseSettings, migrations: Migrations) => {
  const options = dataSourceOptions(settings, 'migrate', 1);
  const extra = { ...options.extra, Client: SequentialClient, pipeline: false };
  return new DataSource({ ...options, extra, migrations, migrationsTransactionMode: 'each' });
};

export const has = (migrations: Migrations) => Object.keys(migrations).length > 0;

/** Throws MIGRATIONS_MIXED when the service's and the user's migrations would be recorded in the same table. */
export function refuseSharedAccount({ DATABASE_SCHEMA }: DatabaseSettings, users: Migrations): void {
  if (!has(users) || DATABASE_SCHEMA !== 'public') return;
  const message =
    'Your migrations and those of Cronzimus would share the table public.migrations; set DATABASE_SCHEMA to another name';
  throw new Problem(500, 'MIGRATIONS_MIXED', message);
}
