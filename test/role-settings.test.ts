import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Client } from 'pg';
import { serve } from '../src/application.js';
import { ENVIRONMENT, type Environment } from '../src/config/environment.js';
import { withCancel } from '../src/database/cancel-backend.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../src/database/embedded-postgres.js';
import { migrate } from '../src/database/migrate.js';
import { refusePooler } from '../src/database/refuse-pooler.js';
import { createTestApplication } from './support/application.js';
import { eventually } from './support/eventually.js';
import { runSql } from './support/run-sql.js';
import type { RunAnswer } from './support/service.js';

/** A server whose superuser may log in. */
let server: EmbeddedPostgres;
beforeAll(async () => {
  const folder = join(await mkdtemp(join(process.env['TEST_SCRATCH']!, 'role-settings-')), 'data');
  server = await startEmbeddedPostgres(folder);
  await writeFile(join(folder, 'postgres', 'pg_hba.conf'), 'host all all 127.0.0.1/32 trust\n');
  const pid = Number((await readFile(join(folder, 'postgres', 'postmaster.pid'), 'utf8')).split('\n')[0]);
  process.kill(pid, 'SIGHUP');
  await eventually(() => runSql(urlOf('postgres', 'postgres'), 'SELECT 1'));
});
afterAll(() => server?.stop());

function urlOf(user: string, database: string): string {
  const url = new URL(server.url);
  url.username = user;
  url.pathname = database;
  return url.href;
}

const asSuperuser = (statement: string, database = 'postgres') => runSql(urlOf('postgres', database), statement);

let roles = 0;

/** The URL of an empty database, whose owner has these settings. */
async function givenRole(settings: string[]): Promise<string> {
  roles += 1;
  const role = `role_${roles}`;
  await asSuperuser(`CREATE ROLE ${role} LOGIN`);
  await asSuperuser(`CREATE DATABASE ${role} OWNER ${role}`);
  for (const setting of settings) await asSuperuser(`ALTER ROLE ${role} SET ${setting}`);
  return urlOf(role, role);
}

/** The URL of an empty database that belongs to a role without a login, and the URL's role may only take that role. */
async function givenMember(): Promise<{ url: string; owner: string; member: string }> {
  roles += 1;
  const [owner, member] = [`owner_${roles}`, `member_${roles}`];
  await asSuperuser(`CREATE ROLE ${owner}`);
  await asSuperuser(`CREATE ROLE ${member} LOGIN NOINHERIT IN ROLE ${owner}`);
  await asSuperuser(`CREATE DATABASE ${owner} OWNER ${owner}`);
  return { url: urlOf(member, owner), owner, member };
}

/** Starts the service on this database, as `node dist/main.js` does, and stops it after `use`. */
async function withService(url: string, use: (api: Api) => Promise<void>): Promise<void> {
  const settings = { DATABASE_URL: url, DATABASE_DIRECT_URL: undefined, DATABASE_SCHEMA: 'cronzimus' };
  await refusePooler(settings);
  await migrate(settings);
  // All attempts of transactional tasks use one connection after the other.
  const app = await createTestApplication(url, { SHUTDOWN_GRACE_SECONDS: '5', TRANSACTIONAL_POOL_MAX: '1' });
  try {
    const drain = await serve(app, app.get<Environment>(ENVIRONMENT, { strict: false }));
    try {
      await use(apiOf(app));
    } finally {
      await drain();
    }
  } finally {
    await app.close();
  }
}

interface Body {
  /** Of a page. */
  items: (RunAnswer & { at: string })[];
  replicas: { seenAt: string }[];
  [field: string]: unknown;
}

type Api = (method: string, path: string, body?: object) => Promise<{ status: number; body: Body }>;

const apiOf =
  (app: NestExpressApplication): Api =>
  async (method, path, body) => {
    const response = await fetch(`${await app.getUrl()}${path}`, {
      method,
      headers: { 'Content-Type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Body };
  };

const job = {
  task: 'sql',
  trigger: { type: 'interval', everySeconds: 0.2 },
  overlap: 'queue',
  retry: { limit: 0 },
  input: { statement: String.raw`SELECT now() AS at, 'a\b' AS text, 0.1::float8 + 0.2::float8 AS sum` },
};

const minutesAgo = (instant: unknown) => Math.abs(Date.now() - Date.parse(String(instant))) / 60_000;

/** Creates a job, changes it from several sides, lets its schedule run, and reads everything that has an instant. */
async function checkService(api: Api): Promise<void> {
  const { status } = await api('PUT', '/api/v1/jobs/tick', job);
  expect(status).toBe(201);
  const changes = await Promise.all(
    Array.from({ length: 12 }, (_, n) => api('PATCH', '/api/v1/jobs/tick', { priority: n, description: `${n}` })),
  );
  expect(changes.map((change) => change.status)).toEqual(Array.from({ length: 12 }, () => 200));
  await eventually(
    async () => {
      const { body } = await api('GET', '/api/v1/runs?job=tick&state=succeeded');
      expect(body.items.filter(({ kind }) => kind === 'schedule').length).toBeGreaterThan(1);
      const { id } = body.items[0]!;
      const { body: run } = await api('GET', `/api/v1/runs/${id}`);
      for (const field of ['scheduledAt', 'queuedAt', 'startedAt', 'finishedAt'])
        expect(minutesAgo(run[field])).toBeLessThan(1);
      expect(run['latenessMs']).toBeLessThan(60_000);
      const { rows } = run['output'] as { rows: [Record<string, unknown>] };
      expect(rows).toEqual([{ at: expect.any(String), text: String.raw`a\b`, sum: 0.1 + 0.2 }]);
      expect(minutesAgo(rows[0]['at'])).toBeLessThan(1);
    },
    { within: 20_000 },
  );
  const { body: stored } = await api('GET', '/api/v1/jobs/tick');
  expect(minutesAgo(stored['createdAt'])).toBeLessThan(1);
  expect(minutesAgo(stored['nextRunAt'])).toBeLessThan(1);
  const { body: scheduler } = await api('GET', '/api/v1/scheduler');
  expect(scheduler.replicas.map(({ seenAt }) => minutesAgo(seenAt) < 1)).toEqual([true]);
  const { body: audit } = await api('GET', '/api/v1/audit');
  expect(audit.items.every(({ at }) => minutesAgo(at) < 1)).toBe(true);
  const paused = await api('POST', '/api/v1/scheduler/pause');
  const resumed = await api('POST', '/api/v1/scheduler/resume');
  expect([paused.status, resumed.status]).toEqual([200, 200]);
  const health = await api('GET', '/health');
  expect(health).toMatchObject({ status: 200 });
}

describe.each([
  [`default_transaction_isolation = 'serializable'`],
  [`default_transaction_isolation = 'repeatable read'`],
  [`default_transaction_deferrable = on`],
  [`DateStyle = 'German'`],
  [`DateStyle = 'SQL, DMY'`],
  [`DateStyle = 'Postgres, MDY'`],
  [`DateStyle = 'ISO, DMY'`],
  [`IntervalStyle = 'iso_8601'`],
  [`TimeZone = 'Asia/Kathmandu'`],
  [`standard_conforming_strings = off`],
  [`bytea_output = 'escape'`],
  [`extra_float_digits = -15`],
  [`lc_messages = 'C'`],
  [`statement_timeout = '2s'`],
  [`lock_timeout = '1ms'`],
  [`idle_in_transaction_session_timeout = '500ms'`],
  [`transaction_timeout = '500ms'`],
  [`idle_session_timeout = '300ms'`],
  [`search_path = 'nowhere'`],
  [`search_path = ''`],
  [`row_security = off`],
  [`client_encoding = 'LATIN1'`],
  [`array_nulls = off`],
])('a role with %s', (setting) => {
  it('can run the service', async () => {
    await withService(await givenRole([setting]), checkService);
  });
});

describe('a login role that takes another role', () => {
  it.each([
    ['in its settings', (member: string, owner: string) => asSuperuser(`ALTER ROLE ${member} SET role = ${owner}`), ''],
    ['in the options of the URL', async () => [], '-c role='],
  ])('%s can run the service, which owns nothing with the login role', async (_where, set, option) => {
    const { url: plain, owner, member } = await givenMember();
    await set(member, owner);
    const url = new URL(plain);
    if (option) url.searchParams.set('options', option + owner);
    await withService(url.href, checkService);
    const owners = `SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'cronzimus'`;
    expect(await asSuperuser(owners, owner)).toEqual([{ tableowner: owner }]);
  });

  it('can have its statements cancelled', async () => {
    const { url: plain, owner } = await givenMember();
    const url = new URL(plain);
    url.searchParams.set('options', `-c role=${owner}`);
    const client = new Client({ connectionString: url.href });
    await client.connect();
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const failures: unknown[] = [];
    const abort = new AbortController();
    const session = {
      url: url.href,
      client,
      pid: () => rows[0]!.pid,
      signal: abort.signal,
      failed: (error: unknown) => void failures.push(error),
    };
    const sleep = withCancel(session, () => {
      const sleeping = client.query('SELECT pg_sleep(60)');
      abort.abort(new Error('cancelled'));
      return sleeping;
    });
    await expect(sleep).rejects.toThrow('cancelled');
    expect(failures).toEqual([]);
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await client.end();
  });
});

it.each(['LATIN1', 'WIN1252', 'SQL_ASCII'])(
  'a start on a database in %s is refused, with the statement that creates the right one',
  async (encoding) => {
    roles += 1;
    const name = `role_${roles}`;
    await asSuperuser(`CREATE ROLE ${name} LOGIN`);
    const locale = `LOCALE_PROVIDER libc LOCALE 'C'`;
    await asSuperuser(`CREATE DATABASE ${name} OWNER ${name} TEMPLATE template0 ENCODING '${encoding}' ${locale}`);
    const { PATH, NODE_OPTIONS } = process.env;
    const { status, stderr } = spawnSync(process.execPath, [join(import.meta.dirname, '../dist/main.js'), 'migrate'], {
      cwd: process.env['TEST_SCRATCH']!,
      env: { PATH, NODE_OPTIONS, DATABASE_URL: urlOf(name, name) },
      encoding: 'utf8',
    });
    expect(stderr).toMatch(
      `DATABASE_ENCODING: The database "${name}" has the encoding ${encoding}, and the service needs UTF8. Create one with ` +
        `CREATE DATABASE cronzimus TEMPLATE template0 ENCODING 'UTF8'`,
    );
    expect(status).toBe(1);
    expect(await asSuperuser(`SELECT to_regnamespace('cronzimus') AS schema`, name)).toEqual([{ schema: null }]);
  },
);
