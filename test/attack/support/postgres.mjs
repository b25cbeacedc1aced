import { spawn } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pool } from 'pg';
import { startEmbeddedPostgres } from '../../../dist/database/embedded-postgres.js';
import { until } from './until.mjs';

const REMOVE_AFTER = join(import.meta.dirname, '../../support/remove-after.sh');

/** Starts an embedded PostgreSQL in a folder that is removed when this process ends, even when it is killed. */
export async function startPostgres() {
  const folder = await mkdtemp(join(tmpdir(), 'cronzimus-attack-'));
  spawn('sh', [REMOVE_AFTER, String(process.pid), folder], { detached: true, stdio: 'ignore' }).unref();
  const server = await startEmbeddedPostgres(join(folder, 'server'));
  const admin = new Pool({ connectionString: server.url, max: 2 });
  // The pool replaces a connection that it loses.
  admin.on('error', () => {});
  let databases = 0;

  /** Creates an empty database, and returns its URL and `drop()`. That also ends the sessions that are left, whatever they run. */
  const createDatabase = async () => {
    const name = `attack_${++databases}`;
    await admin.query(`CREATE DATABASE ${name}`);
    const url = new URL(server.url);
    url.pathname = name;
    // The role may not end a worker of autovacuum. It ends by itself.
    const drop = () =>
      until(20, () =>
        admin.query(`DROP DATABASE ${name} WITH (FORCE)`).then(
          () => true,
          () => false,
        ),
      );
    return { url: url.href, drop };
  };
  const stop = async () => {
    await admin.end();
    await server.stop();
  };
  return { folder, createDatabase, stop };
}
