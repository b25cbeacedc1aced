import { DataSource } from 'typeorm';
import { dataSourceOptions } from '../src/database/data-source.js';
import { outputAsJson } from '../src/core/json.js';
import { sqlInput } from '../src/tasks/sql-input.js';
import { SqlTask } from '../src/tasks/sql.task.js';
import { TableSizes } from '../src/tasks/table-sizes.task.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import type { LoggedLine } from '../src/testing/test-context.js';
import { runContext } from './support/run-context.js';

let database: TestDatabase;
let source: DataSource;
/** Another session, which sees only what is committed. */
let outside: DataSource;
beforeAll(async () => {
  database = await createTestDatabase();
  const settings = { DATABASE_URL: database.url, DATABASE_SCHEMA: 'cronzimus' };
  source = await new DataSource(dataSourceOptions(settings, 'tasks', 1)).initialize();
  outside = await new DataSource(dataSourceOptions(settings, 'outside', 2)).initialize();
});
beforeEach(() => outside.query('DROP TABLE IF EXISTS things; CREATE TABLE things (id int UNIQUE, value jsonb)'));
afterAll(async () => {
  await source?.destroy();
  await outside?.destroy();
  await database?.drop();
});

const run = (statement: string, values: unknown[] = []) =>
  new SqlTask().run(
    sqlInput.parse({ statement, values }),
    runContext({ transaction: (work) => source.transaction(work) }),
  );
const things = () => outside.query<{ id: number; value: unknown }[]>('SELECT * FROM things ORDER BY id');
const oneValue = async (expression: string, ...values: unknown[]) =>
  (await run(`SELECT ${expression} AS value`, values)).rows[0];

describe('task sql', () => {
  it('commits what the statement writes, with placeholders of the run filled into its values', async () => {
    const insert = 'INSERT INTO things VALUES ($1, $2) RETURNING value';
    await expect(run(insert, [1, { at: ['{{run.scheduledAt}}'], '{{job.name}}': null }])).resolves.toEqual({
      rowCount: 1,
      rows: [{ value: { at: ['2026-03-01T02:30:00.000Z'], '{{job.name}}': null } }],
    });
    expect(await things()).toHaveLength(1);
  });

  it('never fills placeholders into the statement', async () => {
    expect(await oneValue("'{{job.name}}'")).toEqual({ value: '{{job.name}}' });
  });

  it('never splices a value into the statement', async () => {
    const value = "'); DROP TABLE things; --";
    expect(await oneValue('$1::text', value)).toEqual({ value });
    expect(await things()).toEqual([]);
  });

  it.each([
    ['a list as JSON', '$1::jsonb', [1, ['a', null]], [1, ['a', null]]],
    ['the text of a PostgreSQL array', '2 = ANY ($1::int[])', '{1,2}', true],
    ['null', '$1::jsonb IS NULL', null, true],
    ['an integer beyond 2^53 as text', '$1::bigint - 1', '9007199254740993', '9007199254740992'],
    ['the largest numbers exactly', '$1::numeric', 1e23, '100000000000000000000000'],
    ['a boolean', 'NOT $1::boolean', false, true],
    ['a fraction', '$1::numeric * 2', 1.25, '2.50'],
    ['a time', '$1::timestamptz', '2026-03-01T03:30:00+01:00', '2026-03-01T02:30:00.000Z'],
  ])('binds %s', async (_case, expression, given, value) => {
    expect(await oneValue(expression, given)).toEqual({ value });
  });

  it.each([
    ['9007199254740993::bigint', '9007199254740993'],
    ['1.10::numeric', '1.10'],
    [`'{"id": 9007199254740993, "n": 9007199254740992}'::jsonb`, { id: '9007199254740993', n: 9007199254740992 }],
    [`'[1e400, 1.5]'::json`, ['1e400', 1.5]],
    ['1.5::float8', 1.5],
    ["'NaN'::float8", 'NaN'],
    ["'2026-03-01'::date", '2026-03-01'],
    ["'2026-03-01 02:30'::timestamp", '2026-03-01 02:30:00'],
    ["'infinity'::timestamptz", 'infinity'],
    ["'\\x00ff'::bytea", '\\x00ff'],
    ['ARRAY[1, 2]', '{1,2}'],
    [`'{"a": "\\u0000"}'::json`, '{"a": "\\u0000"}'],
    ['NULL::int', null],
  ])('returns %s as JSON that can be stored', async (expression, value) => {
    const answer = await run(`SELECT ${expression} AS value`);
    expect(JSON.parse(outputAsJson(answer)!)).toEqual({ rowCount: 1, rows: [{ value }] });
  });

  it('returns 100 rows and the count of all', async () => {
    const { rowCount, rows, truncated } = await run('SELECT generate_series(1, 250000) AS n');
    expect(rowCount).toBe(250_000);
    expect(rows).toHaveLength(100);
    expect(rows[99]).toEqual({ n: 100 });
    expect(truncated).toBe(true);
  });

  it('returns as many rows as a run can store', async () => {
    const answer = await run("SELECT repeat('x', 10000) AS x FROM generate_series(1, 7)");
    expect(answer).toMatchObject({ rowCount: 7, rows: { length: 4 }, truncated: true });
    expect(outputAsJson(answer)).toBeDefined();
    await expect(run("SELECT repeat('x', 1000000)")).resolves.toEqual({ rowCount: 1, rows: [], truncated: true });
  });

  it.each(['CREATE TABLE made_here (id int)', 'DROP TABLE made_here', "DO 'BEGIN END'"])(
    'runs %s',
    async (statement) => {
      await expect(run(statement)).resolves.toEqual({ rowCount: null, rows: [] });
    },
  );

  it('runs one statement only', async () => {
    await expect(run('INSERT INTO things VALUES (1); COMMIT')).rejects.toMatchObject({ code: 'SQL_FAILED' });
    expect(await things()).toEqual([]);
  });

  it.each(['COMMIT', '; commit', '/* /* */ */ -- \nROLLBACK AND CHAIN', 'SAVEPOINT a'])(
    'refuses %j',
    async (statement) => {
      const refused = new SqlTask().run({ statement, values: [] }, runContext());
      await expect(refused).rejects.toMatchObject({ code: 'SQL_TRANSACTION_CONTROL' });
    },
  );

  it.each(["DO 'BEGIN INSERT INTO things VALUES (1); COMMIT; END'", 'CALL smuggle()'])(
    'stores nothing of a COMMIT inside of the statement: %s',
    async (statement) => {
      await outside.query(`CREATE OR REPLACE PROCEDURE smuggle() LANGUAGE plpgsql AS
        'BEGIN INSERT INTO things VALUES (1); COMMIT; END'`);
      await expect(run(statement)).rejects.toMatchObject({
        code: 'SQL_FAILED',
        message: expect.stringContaining('2D000'),
      });
      expect(await things()).toEqual([]);
    },
  );

  it('fails with the message and the SQLSTATE of PostgreSQL', async () => {
    await run('INSERT INTO things VALUES (1)');
    await expect(run('INSERT INTO things VALUES (1)')).rejects.toMatchObject({
      code: 'SQL_FAILED',
      message: expect.stringMatching(/unique constraint .* \(SQLSTATE 23505\); Key \(id\)=\(1\) already exists/),
    });
    await expect(run('SELECT $1::int', ['x'])).rejects.toMatchObject({ message: expect.stringContaining('22P02') });
    await expect(run('SELECT $1::int')).rejects.toMatchObject({ code: 'SQL_FAILED' });
  });
});

describe('task table-sizes', () => {
  it('lists the largest tables first, and warns about those above the limit', async () => {
    await outside.query(`CREATE SCHEMA "Large"; CREATE TABLE "Large".a AS SELECT repeat('x', 100) FROM generate_series(1, 20000);
      CREATE TABLE "Large".b (id int); ANALYZE "Large".a`);
    const lines: LoggedLine[] = [];
    const input = { schema: 'Large', top: 10, warnAboveMegabytes: 1 };
    const { tables } = await new TableSizes(outside).run(input, runContext({}, lines));
    expect(tables).toEqual([
      { table: '"Large".a', rows: 20_000, megabytes: expect.any(Number) },
      { table: '"Large".b', rows: null, megabytes: 0 },
    ]);
    expect(tables[0]!.megabytes).toBeGreaterThan(2);
    expect(lines.filter(({ level }) => level === 'warn')).toMatchObject([
      { fields: { table: '"Large".a', megabytes: tables[0]!.megabytes } },
    ]);
    const [largest, ...others] = (await new TableSizes(outside).run({ top: 1 }, runContext())).tables;
    expect(largest?.table).toBe('"Large".a');
    expect(others).toEqual([]);
  });
});
