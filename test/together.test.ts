import { Client, type PoolClient, Query } from 'pg';
import { DataSource, type EntityManager, type MigrationInterface, type QueryRunner } from 'typeorm';
import { API, dataSourceOptions, SCHEDULER, TASKS } from '../src/database/data-source.js';
import { migrate } from '../src/database/migrate.js';
import { together } from '../src/database/transaction.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { runSql } from './support/run-sql.js';

// A statement that is sent while others wait makes pg emit a warning, which fails the test.

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
  await runSql(database.url, 'CREATE TABLE public.log (place serial, entry text)');
});
beforeEach(() => runSql(database.url, 'TRUNCATE public.log RESTART IDENTITY'));
afterAll(() => database.drop());

const settings = () => ({
  DATABASE_URL: database.url,
  DATABASE_DIRECT_URL: database.url,
  DATABASE_SCHEMA: 'cronzimus',
});

async function withSource<T>(name: string, work: (source: DataSource) => Promise<T>): Promise<T> {
  const source = await new DataSource(dataSourceOptions(settings(), name, 2)).initialize();
  try {
    return await work(source);
  } finally {
    await source.destroy();
  }
}

const inTask = <T>(work: (tx: EntityManager, client: PoolClient) => Promise<T>) =>
  withSource(TASKS, (source) =>
    source.transaction(async (tx) => work(tx, (await tx.queryRunner!.connect()) as PoolClient)),
  );

const entries = async () =>
  (await runSql(database.url, 'SELECT entry FROM public.log ORDER BY place')).map(({ entry }) => entry);
const insert = `INSERT INTO public.log (entry) VALUES ($1) RETURNING place`;
const slow = `INSERT INTO public.log (entry) SELECT $1 FROM pg_sleep(0.05) RETURNING place`;

/** What pg-cursor and pg-query-stream pass to pg: something that sends itself, and that is no query of pg. */
function cursor(text: string, done: (error: Error | null, result: { rows: unknown[] }) => void): Query {
  return new Proxy(new Query(text, undefined as never), {
    getPrototypeOf: () => Object.prototype,
    set: (target, name, value) => Reflect.set(target, name, value),
    get: (target, name) => (name === 'callback' ? done : (Reflect.get(target, name) as unknown)),
  });
}

describe.each([API, SCHEDULER, TASKS])('statements that the service sends together in the pool %s', (name) => {
  it('are executed in their order, and each has its own result', async () => {
    const results = await withSource(name, (source) =>
      source.transaction((tx) =>
        together(
          tx,
          () => tx.query(slow, ['first']),
          async () => (await tx.query<{ place: number }[]>(insert, ['second']))[0]!.place,
          () => false,
          () => tx.query(slow, ['third']),
          () => tx.query(insert, ['fourth']),
        ),
      ),
    );
    expect(results).toEqual([[{ place: 1 }], 2, false, [{ place: 3 }], [{ place: 4 }]]);
    expect(await entries()).toEqual(['first', 'second', 'third', 'fourth']);
  });

  it('throw the first error, and leave nothing behind', async () => {
    const failing = withSource(name, (source) =>
      source.transaction((tx) =>
        together(
          tx,
          () => tx.query(insert, ['first']),
          () => tx.query('SELECT 1 / 0'),
          () => tx.query('SELECT FROM nowhere'),
          () => tx.query(insert, ['last']),
        ),
      ),
    );
    await expect(failing).rejects.toMatchObject({ code: '22012' });
    expect(await entries()).toEqual([]);
  });
});

describe('statements that a task sends without waiting', () => {
  it('are executed in their order', async () => {
    await inTask((tx) => Promise.all(['a', 'b', 'c', 'd'].map((entry) => tx.query(slow, [entry]))));
    expect(await entries()).toEqual(['a', 'b', 'c', 'd']);
  });

  it('each have their own result or error, also in callbacks', async () => {
    const results = await inTask((_tx, client) =>
      Promise.allSettled([
        client.query('SELECT 1 AS n').then(({ rows }) => rows),
        new Promise((resolve) => client.query('SELECT 2 AS n', (_error, result) => resolve(result.rows))),
        client.query('SAVEPOINT s').then(({ command }) => command),
        client.query('SELECT 1 / 0'),
        new Promise((_resolve, reject) => client.query('SELECT $1::int', ['x'], (error) => reject(error))),
        client.query('ROLLBACK TO s').then(({ command }) => command),
        client.query({ text: 'SELECT $1::int AS n', values: [3], rowMode: 'array' }).then(({ rows }) => rows),
      ]),
    );
    expect(results).toMatchObject([
      { value: [{ n: 1 }] },
      { value: [{ n: 2 }] },
      { value: 'SAVEPOINT' },
      { reason: { code: '22012' } },
      { reason: { code: '25P02' } },
      { value: 'ROLLBACK' },
      { value: [[3]] },
    ]);
  });

  it('keep their order with cursors', async () => {
    const seen: unknown[] = [];
    await inTask(async (_tx, client) => {
      const first = client.query(slow, ['first']).then(({ rows }) => seen.push(...rows));
      client.query(cursor(`SELECT count(*)::int AS seen FROM public.log`, (_error, { rows }) => seen.push(...rows)));
      await first;
      await Promise.all(['second', 'third', 'fourth'].map((entry) => client.query(insert, [entry])));
    });
    expect(seen).toEqual([{ place: 1 }, { seen: 1 }]);
    expect(await entries()).toEqual(['first', 'second', 'third', 'fourth']);
  });

  it('are refused when the connection is lost', async () => {
    const lost = withSource(TASKS, async (source) => {
      const runner = source.createQueryRunner();
      const client = (await runner.connect()) as Client;
      const results = Promise.allSettled(
        [1, 2, 3].map(() => client.query('SELECT pg_terminate_backend(pg_backend_pid())')),
      );
      const settled = await results;
      await runner.release();
      return settled.map(({ status }) => status);
    });
    expect(await lost).toEqual(['rejected', 'rejected', 'rejected']);
  });
});

class ManyAtOnce1000000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await Promise.all(['a', 'b', 'c', 'd'].map((entry) => runner.query(slow, [entry])));
    const client = (await runner.connect()) as PoolClient;
    const { rows } = await new Promise<{ rows: unknown[] }>((resolve, reject) => {
      client.query(
        cursor('SELECT count(*)::int AS n FROM public.log', (error, result) =>
          error ? reject(error) : resolve(result),
        ),
      );
    });
    await runner.query(insert, [JSON.stringify(rows)]);
  }

  async down(): Promise<void> {}
}

it('a migration of a user may send statements together, and read with a cursor', async () => {
  await migrate(settings(), [ManyAtOnce1000000000001]);
  expect(await entries()).toEqual(['a', 'b', 'c', 'd', '[{"n":4}]']);
});
