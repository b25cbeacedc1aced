import { setTimeout as pause } from 'node:timers/promises';
import type { Client } from 'pg';
import type { DataSource } from 'typeorm';
import { connectDirectly } from './connect.js';
import { createSchema } from './create-schema.js';
import { describeHolders, LockHeldError, type Query } from './lock-holders.js';
import { retryConflicts } from './retry-conflicts.js';
import type { DatabaseSettings } from './data-source.js';
import { has, type Migrations, migrationSource, refuseSharedAccount, userSource } from './migration-sources.js';
import { isUpToDate } from './wait-for-migrations.js';

/** How long to wait for the lock before the log says who holds it, and how long between two such lines. */
const HOLDER_AFTER_MS = 3_000;
const HOLDER_EVERY_MS = 30_000;

/** Migrates our tables, then the user's, to this version. Any number of processes may call this at the same time: one migrates, and
 *  the others wait for it. Takes no lock when nothing has to be migrated. Throws when `stop` aborts during the wait. */
export async function migrate(settings: DatabaseSettings, users: Migrations = [], stop?: AbortSignal): Promise<void> {
  refuseSharedAccount(settings, users);
  if (await isUpToDate(settings, users)) return;
  // Not through a pooler, which could give the session that holds the lock to another client.
  const lock = await connectDirectly(settings, 'migrate');
  try {
    await takeLock(lock, settings.DATABASE_SCHEMA, stop);
    await createSchema(settings);
    await run(migrationSource(settings));
    if (has(users)) await run(userSource(settings, users));
  } finally {
    await lock.end();
  }
}

/** Polls instead of waiting in the server, so that `stop` ends the wait at once. */
async function takeLock(client: Client, schema: string, stop?: AbortSignal): Promise<void> {
  const name = `cronzimus migrate ${schema}`;
  const begun = performance.now();
  let nextLine = HOLDER_AFTER_MS;
  for (let logged = false; ; logged = true) {
    const { rows } = await client.query<{ taken: boolean }>('SELECT pg_try_advisory_lock(hashtext($1)) AS taken', [
      name,
    ]);
    if (rows[0]!.taken) return;
    if (!logged) process.stdout.write('waiting for another process that is migrating\n');
    if (performance.now() - begun > nextLine) {
      nextLine += HOLDER_EVERY_MS;
      const query: Query = async <T>(text: string, values: unknown[]) => (await client.query(text, values)).rows as T[];
      process.stdout.write(`${new LockHeldError('The migration', await describeHolders(query, { name })).message}\n`);
    }
    await pause(100, undefined, stop && { signal: stop });
  }
}

async function run(uninitialized: DataSource): Promise<void> {
  const source = await uninitialized.initialize();
  try {
    await retryConflicts(() => source.runMigrations());
  } finally {
    await source.destroy();
  }
}
