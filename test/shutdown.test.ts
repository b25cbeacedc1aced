import type { ChildProcess } from 'node:child_process';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Client } from 'pg';
import { runSql } from './support/run-sql.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { eventually } from './support/eventually.js';
import { forkScript, nextMessage } from './support/fork.js';
import { kill } from './support/kill.js';
import { freePort } from './support/free-port.js';

let database: TestDatabase;
const children: ChildProcess[] = [];

beforeEach(async () => {
  database = await createTestDatabase();
});

afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => kill(child, 'SIGKILL')));
  await database.drop();
});

/** The service, started as users start it. */
function givenService(variables: Record<string, string> = {}): ChildProcess {
  const child = forkScript('../../dist/main.js', { DATABASE_URL: database.url, ...variables });
  children.push(child);
  return child;
}

/** Sends SIGTERM, and returns the exit code; null for a process that did not end by itself. */
async function terminate(child: ChildProcess): Promise<number | null> {
  await kill(child, 'SIGTERM');
  return child.exitCode;
}

const sessions = (name: string) =>
  runSql(
    database.url,
    `SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = '${name}'`,
  );

describe('a service that gets SIGTERM', () => {
  it('gives a hanging request five seconds, and drains meanwhile', async () => {
    const port = await freePort();
    const service = givenService({ PORT: String(port) });
    const ready = async () => expect((await fetch(`http://127.0.0.1:${port}/health/ready`)).status).toBe(200);
    await eventually(ready, { within: 60_000 });
    const halfRequest = connect(port, '127.0.0.1').on('error', () => {});
    halfRequest.write(`POST /api/v1/jobs/prune-runs/run HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n`);
    halfRequest.write('Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{');
    await ready();

    const began = performance.now();
    const terminated = terminate(service);
    await eventually(async () => expect(await runSql(database.url, 'SELECT FROM cronzimus.replicas')).toEqual([]));
    expect(service.exitCode).toBeNull();
    expect(halfRequest.closed).toBe(false);
    expect(await terminated).toBe(0);
    expect(performance.now() - began).toBeGreaterThan(4_900);
    halfRequest.destroy();
  });

  // A signal without a handler does not end process 1 of a container.
  it('while its modules are still being loaded, ends with 0', async () => {
    const held = join(import.meta.dirname, 'support/block-loading.js');
    const service = givenService({ NODE_OPTIONS: `${process.env['NODE_OPTIONS']} --import=${held}` });
    expect(await nextMessage(service)).toBe('held');
    expect(await terminate(service)).toBe(0);
  });

  it('while another process migrates, ends without waiting for it', async () => {
    const other = new Client({ connectionString: database.url });
    await other.connect();
    try {
      await other.query(`SELECT pg_advisory_lock(hashtext('cronzimus migrate not_there'))`);
      const service = givenService({ DATABASE_SCHEMA: 'not_there' });
      await eventually(async () => expect(await sessions('cronzimus migrate')).toHaveLength(1), { within: 60_000 });
      // The other process holds its lock until this one has ended.
      expect(await terminate(service)).toBe(0);
    } finally {
      await other.end();
    }
  });

  it('while it waits for migrations, ends without waiting for them', async () => {
    const service = givenService({ DATABASE_MIGRATE: 'false', DATABASE_SCHEMA: 'not_there' });
    await eventually(async () => expect(await sessions('cronzimus migrate')).toHaveLength(1), { within: 60_000 });
    expect(await terminate(service)).toBe(0);
    expect(await runSql(database.url, `SELECT to_regnamespace('not_there') AS found`)).toEqual([{ found: null }]);
  });
});
