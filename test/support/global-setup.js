import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
// Node loads this file without jest's transform, so it takes the built code.
import { startEmbeddedPostgres } from '../../dist/database/embedded-postgres.js';
import { migrate } from '../../dist/database/migrate.js';
import { globalTeardown } from './global-teardown.js';

/**
 * Provides one PostgreSQL server for all test files (TEST_DATABASE_URL, or an embedded one), a migrated template database on it
 * (TEST_TEMPLATE), and a folder that is removed at the end (TEST_SCRATCH).
 */
export default async function globalSetup() {
  try {
    process.env.TEST_SCRATCH = await makeScratch();
    process.env.TEST_DATABASE_URL ||= await startServer(join(process.env.TEST_SCRATCH, 'server'));
    process.env.TEST_TEMPLATE = `template_cronzimus_${randomBytes(4).toString('hex')}`;
    await createTemplate(process.env.TEST_DATABASE_URL, process.env.TEST_TEMPLATE);
  } catch (error) {
    await globalTeardown();
    throw error;
  }
}

/** A folder that is removed when this process ends, even when it is killed. Servers in it are stopped. */
async function makeScratch() {
  const folder = await mkdtemp(join(tmpdir(), 'cronzimus-test-'));
  const script = join(import.meta.dirname, 'remove-after.sh');
  spawn('sh', [script, String(process.pid), folder], { detached: true, stdio: 'ignore' }).unref();
  return folder;
}

async function startServer(folder) {
  const server = await startEmbeddedPostgres(folder);
  globalThis.testServer = server;
  return server.url;
}

async function createTemplate(serverUrl, name) {
  const server = new Client({ connectionString: serverUrl });
  await server.connect();
  try {
    await server.query(`CREATE DATABASE ${name}`);
  } finally {
    await server.end();
  }
  const template = new URL(serverUrl);
  template.pathname = name;
  await migrate({ DATABASE_URL: template.href, DATABASE_SCHEMA: 'cronzimus' });
}
