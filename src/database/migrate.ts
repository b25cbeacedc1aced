import { setTimeout as pause } from 'node:timers/promises';
import type { Client } from 'pg';
import type { DataSource } from 'typeorm';
import { connectDirectly } from './connect.js';
import { createSchema } from './create-schema.js';
import { withoutDeadlock } from './deadlock.js';
import type { DatabaseSettings } from './data-source.js';
import { has, type Migrations, migrationSource, refuseSharedAccount, userSource } from './migration-sources.js';

/** Migrates our tables, then the user's, to this version. Any number of processes may call it at once. Throws when `stop` aborts while
 *  another process migrates. */
export async function migrate(settings: DatabaseSettings, users: Migrations = [], stop?: AbortSignal): Promise<void> {
  refuseSharedAccount(settings, users);
  // A pooler would keep the lock for a session that is somebody else's by then.
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

/** Polls rather than waits in the server, so that a signal is handled meanwhile. */
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

async function run(uninitialized: DataSource): Promise<void> {
  const source = await uninitialized.initialize();
  try {
    await withoutDeadlock(() => source.runMigrations());
  } finally {
    await source.destroy();
  }
}
