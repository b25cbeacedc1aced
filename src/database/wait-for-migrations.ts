import { setTimeout as pause } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { connect } from './connect.js';
import type { DatabaseSettings } from './data-source.js';
import { has, type Migrations, migrationSource, refuseSharedAccount, userSource } from './migration-sources.js';

/** Waits until another process has migrated our tables and the user's to this version. Throws when `stop` aborts. */
export async function waitForMigrations(
  settings: DatabaseSettings,
  users: Migrations,
  stop: AbortSignal,
): Promise<void> {
  refuseSharedAccount(settings, users);
  await (await connect(settings, 'look')).end();
  await wait(migrationSource(settings), stop, (source) => isBehind(source, `"${settings.DATABASE_SCHEMA}".migrations`));
  if (has(users)) await wait(userSource(settings, users), stop, (source) => isBehind(source, 'migrations'));
}

/** True if no migration is pending, neither of ours nor of the user's. */
export async function isUpToDate(settings: DatabaseSettings, users: Migrations): Promise<boolean> {
  await (await connect(settings, 'migrate')).end();
  const ours = await onSource(migrationSource(settings), (source) =>
    isBehind(source, `"${settings.DATABASE_SCHEMA}".migrations`),
  );
  if (ours) return false;
  return !has(users) || !(await onSource(userSource(settings, users), (source) => isBehind(source, 'migrations')));
}

async function onSource<T>(uninitialized: DataSource, work: (source: DataSource) => Promise<T>): Promise<T> {
  const source = await uninitialized.initialize();
  try {
    return await work(source);
  } finally {
    await source.destroy();
  }
}

async function wait(
  uninitialized: DataSource,
  stop: AbortSignal,
  isPending: (source: DataSource) => Promise<boolean>,
): Promise<void> {
  await onSource(uninitialized, async (source) => {
    while (await isPending(source)) {
      process.stdout.write('waiting for migrations\n');
      await pause(1000, undefined, { signal: stop });
    }
  });
}

/** True if migrations are pending. `table` is where TypeORM records migrations. Checks first that it exists, because
 *  `showMigrations` would create it. */
async function isBehind(source: DataSource, table: string): Promise<boolean> {
  const [row] = await source.query<{ found: string | null }[]>('SELECT to_regclass($1) AS found', [table]);
  return !row?.found || source.showMigrations();
}
