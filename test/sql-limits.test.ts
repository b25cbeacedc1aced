import { createServer, connect as dial, type AddressInfo, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { Client } from 'pg';
import { runStatement } from '../src/tasks/sql-statement.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { eventually } from './support/eventually.js';
import { runSql } from './support/run-sql.js';
import { finishedJob, type RunAnswer, TestService } from './support/service.js';

/** Catches its cancellation, again and again. */
const STUBBORN = `DO $$ BEGIN LOOP
  BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN query_canceled THEN PERFORM set_config('application_name', 'caught', false); END;
END LOOP; END $$`;

let foreign: TestDatabase;
let proxy: Server;
/** Relays to the foreign database until it is silenced; after that it reads everything and passes nothing on. */
let proxied: string;
let silent = false;
/** Silences only the connections of transactional tasks, from the statement with this text on. */
let muteAt: string | undefined;
const relayed = new Set<Socket>();
beforeAll(async () => {
  foreign = await createTestDatabase();
  await runSql(foreign.url, 'CREATE TABLE t (id int)');
  const target = new URL(foreign.url);
  proxy = createServer((client) => {
    relayed.add(client.on('close', () => relayed.delete(client)).on('error', () => undefined));
    const backend = dial(Number(target.port), target.hostname).on('error', () => undefined);
    let ofTask = false;
    let mute = false;
    client
      .on('data', (chunk) => {
        ofTask ||= chunk.includes('cronzimus tasks');
        mute ||= silent || (ofTask && muteAt !== undefined && chunk.includes(muteAt));
        if (!mute) backend.write(chunk);
      })
      .on('close', () => backend.destroy());
    backend.on('data', (chunk) => silent || mute || client.write(chunk));
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const url = new URL(foreign.url);
  url.port = String((proxy.address() as AddressInfo).port);
  proxied = url.href;
});
afterAll(async () => {
  proxy.close();
  await foreign.drop();
});

it.each(['COPY t FROM STDIN', 'COPY t TO STDOUT', 'COPY (SELECT generate_series(1, 100000000)) TO STDOUT'])(
  'a statement that turns out to be a COPY ends with its connection: %s',
  async (statement) => {
    const client = new Client({ connectionString: foreign.url });
    client.on('error', () => undefined);
    await client.connect();
    await client.query('BEGIN');
    await expect(runStatement(client, statement, [])).rejects.toMatchObject({ code: 'SQL_COPY' });
    await expect(client.query('SELECT 1')).rejects.toThrow(/not queryable|closed/);
    await client.end();
  },
);

describe.each(['self', 'another database'])('the task sql on %s', (place) => {
  let service: TestService;
  beforeAll(async () => {
    service = await TestService.start({
      SQL_TASK_DATABASE_URL: place === 'self' ? 'self' : foreign.url,
      WORKER_CONCURRENCY: '2',
    });
    await service.given(finishedJob('sql', 'sql', { overlap: 'allow', input: { statement: 'SELECT 1' } }));
    await runSql(service.database, 'CREATE TABLE t (id int)');
  });
  afterAll(() => service.stop());
  /** Everything still works, and both slots are free. */
  afterEach(async () => {
    const runs = [1, 2].map(() => service.run('sql', 'succeeded', { statement: 'SELECT 1', values: [] }));
    await Promise.all(runs);
    await eventually(async () => {
      const left = await leftOver();
      if (left.length > 0) throw new Error(`statements still run: ${JSON.stringify(left)}`);
    });
  });

  const failing = async (statement: string) =>
    (await service.run('sql', 'failed', { statement, values: [] }))['error'] as { code: string; message: string };
  const leftOver = () =>
    runSql(
      place === 'self' ? service.database : foreign.url,
      `SELECT query FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle' AND pid <> pg_backend_pid()
       AND (query ~ 'pg_sleep|COPY|repeat|generate_series|NOTICE' OR application_name = 'caught')`,
    );

  it.each([
    'COPY t FROM STDIN',
    'COPY t TO STDOUT',
    '/* x */ copy (SELECT 1) to stdout',
    'COPY (SELECT generate_series(1, 100000000)) TO STDOUT',
  ])('refuses %s', async (statement) => {
    const { status, body } = await service.call('POST', '/jobs/sql/run', { input: { statement } });
    expect(status).toBe(422);
    expect(JSON.stringify(body)).toMatch(/COPY is refused/);
  });

  it.each([
    ['one large value', `SELECT repeat('x', 100000000)`],
    ['one large value of many', `SELECT n, repeat('x', 5000000) FROM generate_series(1, 3) AS n`],
    ['a large value as JSON', `SELECT to_json(repeat('x', 100000000))`],
    ['many small rows', 'SELECT generate_series(1, 100000000)'],
    ['many medium rows', `SELECT repeat('x', 100000) FROM generate_series(1, 100000)`],
    ['many notices', `DO $$ BEGIN LOOP RAISE NOTICE '%', repeat('x', 10000); END LOOP; END $$`],
    ['one large notice', `DO $$ BEGIN RAISE NOTICE '%', repeat('x', 100000000); END $$`],
    ['one large error', `DO $$ BEGIN RAISE EXCEPTION USING DETAIL = repeat('x', 100000000); END $$`],
  ])('stops reading %s', async (_case, statement) => {
    const { code, message } = await failing(statement);
    expect(code).toBe('SQL_RESULT_TOO_LARGE');
    expect(message).toMatch(/more than (4|32) MiB.*LIMIT/);
  });

  it('ends at a cancel although the statement catches its cancellation', async () => {
    const { body } = await service.call<RunAnswer>('POST', '/jobs/sql/run', { input: { statement: STUBBORN } });
    await eventually(async () => expect(await leftOver()).toHaveLength(1));
    await service.call('POST', `/runs/${body.id}/cancel`);
    await service.reaches(body.id, 'cancelled');
  });
});

const running = async () => {
  const found = await runSql(
    foreign.url,
    `SELECT FROM pg_stat_activity WHERE query ~ 'waits' AND pid <> pg_backend_pid()`,
  );
  return found.length === 1;
};
const connected = async () => relayed.size > 0;

describe('the task sql on a database that falls silent', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await TestService.start({ SQL_TASK_DATABASE_URL: proxied, WORKER_CONCURRENCY: '1' });
    await service.given(finishedJob('sql', 'sql', { overlap: 'allow', input: { statement: 'SELECT 1' } }));
  });
  afterEach(() => {
    silent = false;
  });
  afterAll(() => service.stop());

  it.each([
    ['during the statement', false, running],
    ['before the connection', true, connected],
  ])('frees its slot after a cancel: %s', async (_when, before, reached) => {
    silent = before;
    const { body } = await service.call<RunAnswer>('POST', '/jobs/sql/run', {
      input: { statement: `SELECT 'waits' FROM pg_sleep(60)` },
    });
    await eventually(async () => expect(await reached()).toBe(true));
    silent = true;
    await service.call('POST', `/runs/${body.id}/cancel`);
    await service.reaches(body.id, 'cancelled');
    await eventually(() => expect(relayed.size).toBe(0));
    silent = false;
    await service.run('sql', 'succeeded', { statement: 'SELECT 1', values: [] });
  });
});

describe('the task sql on the service database, whose connection falls silent', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await TestService.start(
      { SQL_TASK_DATABASE_URL: 'self', WORKER_CONCURRENCY: '1', TRANSACTIONAL_POOL_MAX: '1' },
      async (url) => Object.assign(new URL(url), { port: new URL(proxied).port }).href,
    );
    await service.given(
      finishedJob('sql', 'sql', { overlap: 'allow', timeoutSeconds: 2, input: { statement: 'SELECT 1' } }),
    );
    await runSql(service.database, 'CREATE TABLE t (word text)');
  });
  afterAll(() => service.stop());

  it.each(['READ COMMITTED', 'pg_current_xact_id', 'INSERT INTO t', 'COMMIT\0'])(
    'frees its slot and its connection after its timeout: at %s',
    async (statement) => {
      muteAt = statement;
      await service.run('sql', 'timed_out', { statement: `INSERT INTO t VALUES ('written')` });
      muteAt = undefined;
      await service.run('sql', 'succeeded', { statement: 'SELECT 1', values: [] });
      expect(await runSql(service.database, 'SELECT FROM t')).toEqual([]);
    },
  );
});
