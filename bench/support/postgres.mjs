import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import pg from 'pg';
import { findBinaries, runProgram } from '../../dist/database/embedded/binaries.js';
import { openSite } from '../../dist/database/embedded/site.js';
import { startEmbeddedPostgres } from '../../dist/database/embedded-postgres.js';

// Statements are counted only where a database says so, so that the others run as they would without.
const CONFIGURATION = `
shared_preload_libraries = 'pg_stat_statements'
pg_stat_statements.track = 'none'
`;
const COUNTING = `CREATE EXTENSION pg_stat_statements
GRANT pg_read_all_stats TO cronzimus
GRANT SET ON PARAMETER "pg_stat_statements.track" TO cronzimus
`;
const TOLD = [
  'server_version',
  'fsync',
  'synchronous_commit',
  'full_page_writes',
  'wal_level',
  'shared_buffers',
  'max_connections',
];

/** The embedded PostgreSQL with stock settings, in a folder that goes again. */
export async function startPostgres() {
  const folder = await mkdtemp(join(tmpdir(), 'cronzimus-bench-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    await (await startEmbeddedPostgres(folder)).stop();
    await countStatements(folder);
    const server = await startEmbeddedPostgres(folder);
    const admin = new pg.Pool({ connectionString: server.url, max: 2 });
    const stop = async () => {
      await admin.end();
      await server.stop();
      await remove();
    };
    return { admin, settings: await settingsOf(admin), withDatabase: withDatabase(server.url, admin), stop };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function countStatements(folder) {
  const { postgres } = await findBinaries();
  const { cluster, account } = await openSite(folder);
  await appendFile(join(cluster, 'postgresql.conf'), CONFIGURATION);
  await runProgram(postgres, ['--single', '-D', cluster, 'cronzimus'], account, folder, COUNTING);
}

async function settingsOf(admin) {
  const { rows } = await admin.query(
    'SELECT name, current_setting(name) AS value FROM pg_settings WHERE name = ANY($1)',
    [TOLD],
  );
  return Object.fromEntries(rows.map(({ name, value }) => [name, value]));
}

const NOT_ALLOWED = '42501';
let last = 0;

/** Again where the server's own vacuum is in it, which we may not end. */
async function drop(admin, name) {
  for (let tries = 40; ; tries--)
    try {
      return await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
    } catch (error) {
      if (error.code !== NOT_ALLOWED || tries === 1) throw error;
      await setTimeout(250);
    }
}

/** Hands `use` the URL and the name of a fresh database, which goes again. */
const withDatabase = (serverUrl, admin) => async (use) => {
  const name = `bench_${++last}`;
  await admin.query(`CREATE DATABASE ${name}`);
  const url = new URL(serverUrl);
  url.pathname = name;
  try {
    return await use(url.href, name);
  } finally {
    await drop(admin, name);
    // What the one before has left to write is not for the next one to wait for.
    await admin.query('CHECKPOINT').catch(() => {});
  }
};
