import { setTimeout as pause } from 'node:timers/promises';
import type { Client } from 'pg';
import { PgBoss } from 'pg-boss';
import { DataSource } from 'typeorm';
import { connect, connectDirectly } from './connect.js';
import { withoutDeadlock } from './deadlock.js';
import { dataSourceOptions, type DatabaseSettings } from './data-source.js';
import { JobsAndRuns1790000000000 } from './migrations/1790000000000-jobs-and-runs.js';
import { Policies1790100000000 } from './migrations/1790100000000-policies.js';
import { Roles1790200000000 } from './migrations/1790200000000-roles.js';
import { Audit1790350000000 } from './migrations/1790350000000-audit.js';
import { IdempotencyKeys1790400000000 } from './migrations/1790400000000-idempotency-keys.js';
import { bossOptions, RUNS_QUEUE } from './queue-schema.js';

const migrations = [
  JobsAndRuns1790000000000,
  Policies1790100000000,
  Roles1790200000000,
  Audit1790350000000,
  IdempotencyKeys1790400000000,
];

const migrationSource = (settings: DatabaseSettings) =>
  new DataSource({
    ...dataSourceOptions(settings, 'migrate', 1),
    schema: settings.DATABASE_SCHEMA,
    migrations,
    migrationsTableName: 'migrations',
    migrationsTransactionMode: 'each',
  });

/** Brings our tables and the queue's to this version. Any number of processes may call it at once. Throws when `stop` aborts
 *  while another one migrates. */
export async function migrate(settings: DatabaseSettings, stop?: AbortSignal): Promise<void> {
  // A pooler would keep the lock for a session that is somebody else's by then.
  const lock = await connectDirectly(settings, 'migrate');
  try {
    await takeLock(lock, settings.DATABASE_SCHEMA, stop);
    await createSchema(settings);
    await migrateTables(settings);
    await migrateQueue(settings);
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
export async function waitForMigrations(settings: DatabaseSettings, stop: AbortSignal): Promise<void> {
  await (await connect(settings, 'look')).end();
  const source = await migrationSource(settings).initialize();
  try {
    while (await isBehind(source, settings.DATABASE_SCHEMA)) {
      process.stdout.write('waiting for migrations\n');
      await pause(1000, undefined, { signal: stop });
    }
  } finally {
    await source.destroy();
  }
}

/** Looks without making anything: TypeORM's own look creates its table. */
async function isBehind(source: DataSource, schema: string): Promise<boolean> {
  const [there] = await source.query<{ found: string | null }[]>('SELECT to_regclass($1) AS found', [
    `"${schema}".migrations`,
  ]);
  return !there?.found || (await source.showMigrations()) || !(await hasQueue(source, schema));
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

async function migrateTables(settings: DatabaseSettings): Promise<void> {
  const source = await migrationSource(settings).initialize();
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
