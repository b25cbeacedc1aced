import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { DatabaseError } from 'pg';
import { runSql } from './run-sql.js';
import { eventually } from './eventually.js';

/** A migrated, empty database for one test file. */
export interface TestDatabase {
  readonly url: string;
  /** Drops it, and ends sessions that are still connected. */
  drop(): Promise<void>;
}

const OBJECT_IN_USE = '55006';

/** Copies the template that globalSetup migrated. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  await copyTemplate(name);
  const url = new URL(serverUrl());
  url.pathname = name;
  return { url: url.href, drop: () => drop(name) };
}

/** PostgreSQL may still count a session of the template that has just ended. So this retries for ten seconds. */
async function copyTemplate(name: string): Promise<void> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    try {
      await runSql(serverUrl(), `CREATE DATABASE ${name} TEMPLATE ${process.env['TEST_TEMPLATE']}`);
      return;
    } catch (error) {
      const busy = error instanceof DatabaseError && error.code === OBJECT_IN_USE;
      if (!busy || Date.now() > deadline) throw error;
      await delay(50);
    }
  }
}

async function drop(name: string): Promise<void> {
  // Our role may not end a worker of autovacuum. It ends by itself.
  await eventually(() => runSql(serverUrl(), `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
}

function serverUrl(): string {
  const url = process.env['TEST_DATABASE_URL'];
  if (!url) throw new Error('TEST_DATABASE_URL is not set: run the tests with make test');
  return url;
}
