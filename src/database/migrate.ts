import { setTimeout as pause } from 'node:timers/promises';
import type { Client } from 'pg';
import { PgBoss } from 'pg-boss';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { Problem } from '../core/problem.js';
import { connect, connectDirectly } from './connect.js';
import { withoutDeadlock } from './deadlock.js';
import { dataSourceOptions, type DatabaseSettings } from './data-source.js';
import { JobsAndRuns1790000000000 } from './migrations/1790000000000-jobs-and-runs.js';
import { Policies1790100000000 } from './migrations/1790100000000-policies.js';
import { Roles1790200000000 } from './migrations/1790200000000-roles.js';
import { Audit1790350000000 } from './migrations/1790350000000-audit.js';
import { IdempotencyKeys1790400000000 } from './migrations/1790400000000-idempotency-keys.js';
import { Tasks1790500000000 } from './migrations/1790500000000-tasks.js';
import { Lists1790600000000 } from './migrations/1790600000000-lists.js';
import { bossOptions, RUNS_QUEUE } from './queue-schema.js';

/** The user's own, as TypeORM takes them: classes, or patterns of file names. */
export type Migrations = NonNullable<DataSourceOptions['migrations']>;

const ours = [
  JobsAndRuns1790000000000,
  Policies1790100000000,
  Roles1790200000000,
  Audit1790350000000,
  IdempotencyKeys1790400000000,
  Tasks1790500000000,
  Lists1790600000000,
];

const migrationSource = (settings: DatabaseSettings) =>
  new DataSource({
    ...dataSourceOptions(settings, 'migrate', 1),
    schema: settings.DATABASE_SCHEMA,
    migrations: ours,
    migrationsTableName: 'migrations',
    migrationsTransactionMode: 'each',
  });

/** Of the database that tasks write to, where TypeORM's own command line keeps its account too. */
const userSource = (settings: DatabaseSettings, migrations: Migrations) =>
  new DataSource({ ...dataSourceOptions(settings, 'migrate', 1), migrations, migrationsTransactionMode: 'each' });

/** Brings our tables, the queue's and then the user's to this version. Any number of processes may call it at once. Throws when `stop` aborts
 *  while another one migrates. */
export async function migrate(settings: DatabaseSettings, users: Migrations = [], stop?: AbortSignal): Promise<void> {
  refuseSharedAccount(settings, users);
  // A pooler would keep the lock for a session that is somebody else's by then.
  const lock = await connectDirectly(settings, 'migrate');
  try {
    await takeLock(lock, settings.DATABASE_SCHEMA, stop);
    await createSchema(settings);
    await run(migrationSource(settings));
    await migrateQueue(settings);
    if (has(users)) await run(userSource(settings, users));
  } finally {
    await lock.end();
  }
}

/** Asks again and again rather than wait in the server, so that a signal is heard meanwhile. */
async function takeLock(client: Client, schema: string, stop?: AbortSignal): Promise<void> {
  for (let told = false; ; told = true) {
    const { rows } = await client.query<{ taken: boolean }>('SELECT pg_try_advisory_lock(hashtext($1)) AS taken', [
      `cronzimus migrate ${schema}`,
    ]);
    if (rows[0]!.taken) return;
    if (!told) process.stdout.write('waiting for another process that migrates\n');
    await pause(100, undefined, stop && { signal: stop });
  }
}

async function createSchema(settings: DatabaseSettings): Promise<void> {
  const client = await connect(settings, 'migrate');
  try {
    await client.query(`CREATE SCHEMA IF NOT EXISTS "${settings.DATABASE_SCHEMA}"`);
  } finally {
    await client.end();
  }
}

/** Waits until somebody else has migrated. Throws when `stop` aborts. */
export async function waitForMigrations(
  settings: DatabaseSettings,
  users: Migrations,
  stop: AbortSignal,
): Promise<void> {
  refuseSharedAccount(settings, users);
  await (await connect(settings, 'look')).end();
  const { DATABASE_SCHEMA } = settings;
  await wait(migrationSource(settings), stop, async (source) => {
    return (await isBehind(source, `"${DATABASE_SCHEMA}".migrations`)) || !(await hasQueue(source, DATABASE_SCHEMA));
  });
  if (has(users)) await wait(userSource(settings, users), stop, (source) => isBehind(source, 'migrations'));
}

async function wait(
  uninitialized: DataSource,
  stop: AbortSignal,
  behind: (source: DataSource) => Promise<boolean>,
): Promise<void> {
  const source = await uninitialized.initialize();
  try {
    while (await behind(source)) {
      process.stdout.write('waiting for migrations\n');
      await pause(1000, undefined, { signal: stop });
    }
  } finally {
    await source.destroy();
  }
}

/** Looks without making anything: TypeORM's own look creates its table. */
async function isBehind(source: DataSource, account: string): Promise<boolean> {
  const [there] = await source.query<{ found: string | null }[]>('SELECT to_regclass($1) AS found', [account]);
  return !there?.found || source.showMigrations();
}

const has = (migrations: Migrations) => Object.keys(migrations).length > 0;

function refuseSharedAccount({ DATABASE_SCHEMA }: DatabaseSettings, users: Migrations): void {
  if (!has(users) || DATABASE_SCHEMA !== 'public') return;
  const message = 'Ours and yours would share the table public.migrations; give DATABASE_SCHEMA another name';
  throw new Problem(500, 'MIGRATIONS_MIXED', message);
}

/** The queue comes last of a migration. */
async function hasQueue(source: DataSource, schema: string): Promise<boolean> {
  const [there] = await source.query<{ found: string | null }[]>('SELECT to_regclass($1) AS found', [
    `"${schema}_queue".queue`,
  ]);
  if (!there?.found) return false;
  const queues = await source.query<unknown[]>(`SELECT FROM "${schema}_queue".queue WHERE name = $1`, [RUNS_QUEUE]);
  return queues.length > 0;
}

async function run(uninitialized: DataSource): Promise<void> {
  const source = await uninitialized.initialize();
  try {
    await withoutDeadlock(() => source.runMigrations());
  } finally {
    await source.destroy();
  }
}

async function migrateQueue(settings: DatabaseSettings): Promise<void> {
  const boss = new PgBoss({ ...bossOptions(settings), migrate: true, max: 2 });
  // Told by the call that fails.
  boss.on('error', () => {});
  await boss.start();
  // Tickets never expire, retry or age: the run row decides, not the queue.
  await boss.createQueue(RUNS_QUEUE, { retryLimit: 0, retentionSeconds: 315_360_000, expireInSeconds: 86_399 });
  await boss.stop({ graceful: false });
}
