import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { eventually } from './support/eventually.js';
import { kill } from './support/kill.js';
import { isReady, type MainProcess, startMain } from './support/main-process.js';

let database: TestDatabase;
let folder: string;
let stranger: Client;
let held: string;
let main: MainProcess;

beforeEach(async () => {
  database = await createTestDatabase();
  folder = await mkdtemp(join(process.env['TEST_SCRATCH'] ?? tmpdir(), 'locks-'));
  stranger = new Client({ connectionString: database.url, application_name: 'stranger' });
  await stranger.connect();
  const { rows } = await stranger.query<{ held: string }>(
    `SELECT format('pid %s of user "%s" (application "stranger", connected since 2', pg_backend_pid(), current_user) AS held`,
  );
  held = rows[0]!.held;
});

afterEach(async () => {
  await kill(main.child, 'SIGKILL');
  await stranger.end();
  await database.drop();
});

const start = async (variables: Record<string, string> = {}) => {
  main = await startMain({ DATABASE_URL: database.url, ...variables }, folder);
};
/** Waits for a line, which may be JSON. */
const logs = (text: string) =>
  eventually(() => expect(main.log().replaceAll('\\"', '"')).toContain(text), { within: 60_000 });

describe('a start that waits for an advisory lock that a stranger holds', () => {
  it('names the session that keeps it from migrating, and goes on once that is gone', async () => {
    await stranger.query(`SELECT pg_advisory_lock(hashtext('cronzimus migrate another'))`);
    await start({ DATABASE_SCHEMA: 'another' });
    await logs(held);
    await stranger.query('SELECT pg_advisory_unlock_all()');
    await expect(isReady(main)).resolves.toBeUndefined();
  });

  it('does not wait if there is nothing to migrate', async () => {
    await stranger.query(`SELECT pg_advisory_lock(hashtext('cronzimus migrate cronzimus'))`);
    await start();
    await expect(isReady(main)).resolves.toBeUndefined();
  });

  it('names the session that keeps it from declaring its jobs, and goes on once that is gone', async () => {
    await stranger.query(`SELECT pg_advisory_lock(hashtext('cronzimus declare cronzimus'))`);
    await start();
    await logs(held);
    await stranger.query('SELECT pg_advisory_unlock_all()');
    await expect(isReady(main)).resolves.toBeUndefined();
  });

  it.each(['pg_advisory_lock', 'pg_advisory_lock_shared'])(
    'names the session that holds the lock of its presence with %s, and ends with 1 after 10 s',
    async (lock) => {
      await stranger.query(`SELECT ${lock}(hashtext('cronzimus'), n) FROM generate_series(1, 20) AS n`);
      await start();
      await logs(held);
      await eventually(() => expect(main.child.exitCode).toBe(1));
    },
  );
});
