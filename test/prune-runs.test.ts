import { DataSource } from 'typeorm';
import { dataSourceOptions } from '../src/database/data-source.js';
import { PruneRuns } from '../src/runs/lifecycle/prune-runs.task.js';
import { firstIdAt, firstIdAtSql } from '../src/runs/lifecycle/run-ids.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import type { LoggedLine } from '../src/testing/test-context.js';
import { runContext } from './support/run-context.js';
import { runIdAt } from './support/run-id-at.js';

let database: TestDatabase;
let source: DataSource;
let task: PruneRuns;
beforeAll(async () => {
  database = await createTestDatabase();
  const settings = { DATABASE_URL: database.url, DATABASE_SCHEMA: 'cronzimus' };
  source = await new DataSource(dataSourceOptions(settings, 'tasks', 5)).initialize();
  task = new PruneRuns({ ...settings, RUN_RETENTION_DAYS: 30, AUDIT_RETENTION_DAYS: 365 });
});
beforeEach(() => source.query('TRUNCATE cronzimus.runs CASCADE'));
afterAll(async () => {
  await source?.destroy();
  await database?.drop();
});

/** Runs in one state that ended this many days ago; null: they have not ended. */
const givenRuns = (count: number, state: string, days: number | null, queuedDays = days ?? 60) =>
  source.query(
    `INSERT INTO cronzimus.runs (id, job_id, job, task, kind, state, scheduled_at, due_at, queued_at, finished_at, priority,
       timeout_seconds, retry, on_interruption, input)
     SELECT ${runIdAt('queued')}, gen_random_uuid(), $2, 'http', 'manual', $2, queued, queued, queued,
       now() - make_interval(days => $3), 0, 300, '{}', 'rerun', '{}'
     FROM generate_series(1, $1), CAST(now() - make_interval(days => $4) AS timestamptz(3)) AS queued`,
    [count, state, days, queuedDays],
  );
const statesLeft = async () =>
  (await source.query<{ state: string }[]>('SELECT DISTINCT state FROM cronzimus.runs ORDER BY state')).map(
    ({ state }) => state,
  );
const countOf = async (table: string) =>
  (await source.query<[{ count: number }]>(`SELECT count(*)::int FROM cronzimus.${table}`))[0].count;

describe('task prune-runs', () => {
  it('deletes ended runs of every state that are older than the retention, and no unfinished ones', async () => {
    for (const state of ['succeeded', 'failed', 'timed_out', 'cancelled', 'skipped', 'missed'])
      await givenRuns(1, state, 31);
    for (const state of ['pending', 'running', 'retrying']) await givenRuns(1, state, null);
    await expect(task.run({}, runContext())).resolves.toEqual({ deleted: 6, auditDeleted: 0 });
    expect(await statesLeft()).toEqual(['pending', 'retrying', 'running']);
  });

  it('keeps runs within the retention', async () => {
    await givenRuns(1, 'succeeded', 29);
    await givenRuns(1, 'succeeded', 29, 60);
    await expect(task.run({}, runContext())).resolves.toEqual({ deleted: 0, auditDeleted: 0 });
    await expect(task.run({ olderThanDays: 28 }, runContext())).resolves.toEqual({ deleted: 2, auditDeleted: 0 });
  });

  it('deletes nothing when the retention begins before 1970', async () => {
    await givenRuns(1, 'succeeded', 20_000);
    await expect(task.run({ olderThanDays: 36_500 }, runContext())).resolves.toEqual({ deleted: 0, auditDeleted: 0 });
    await expect(task.run({}, runContext())).resolves.toEqual({ deleted: 1, auditDeleted: 0 });
  });

  it('deletes attempts and logs with their runs', async () => {
    await givenRuns(2, 'failed', 31);
    await source.query(
      "INSERT INTO cronzimus.run_attempts (run_id, number, state) SELECT id, 1, 'failed' FROM cronzimus.runs",
    );
    await source.query(
      "INSERT INTO cronzimus.run_logs (run_id, attempt, at, level, message) SELECT id, 1, now(), 'info', '' FROM cronzimus.runs",
    );
    await task.run({}, runContext());
    expect([await countOf('runs'), await countOf('run_attempts'), await countOf('run_logs')]).toEqual([0, 0, 0]);
  });

  it('deletes in batches of 5,000, and keeps finished batches when its signal aborts', async () => {
    await givenRuns(12_000, 'succeeded', 31);
    const stop = new AbortController();
    const lines: LoggedLine[] = [];
    const context = runContext({ signal: stop.signal }, lines);
    const stopped = new Error('stopped after the first batch');
    context.log.debug = () => stop.abort(stopped);
    await expect(task.run({}, context)).rejects.toBe(stopped);
    expect(await countOf('runs')).toBe(7_000);

    await expect(task.run({}, runContext({}, lines))).resolves.toEqual({ deleted: 7_000, auditDeleted: 0 });
    expect(lines.map(({ level, fields }) => [level, fields])).toEqual([
      ['debug', { deleted: 5_000 }],
      ['debug', { deleted: 2_000 }],
    ]);
  });

  it('does not wait for locked rows', async () => {
    await givenRuns(3, 'succeeded', 31);
    await source.transaction(async (tx) => {
      await tx.query('SELECT FROM cronzimus.runs LIMIT 1 FOR UPDATE');
      await expect(task.run({}, runContext())).resolves.toEqual({ deleted: 2, auditDeleted: 0 });
    });
    expect(await countOf('runs')).toBe(1);
  });

  it('shares the rows with a concurrent pruning', async () => {
    await givenRuns(8_000, 'succeeded', 31);
    const both = await Promise.all([task.run({}, runContext()), task.run({}, runContext())]);
    expect(both[0].deleted + both[1].deleted).toBe(8_000);
    expect(await countOf('runs')).toBe(0);
  });
});

describe('the first run id of an instant', () => {
  it.each(['2026-06-01T12:00:00.123Z', '2026-06-01T12:00:00.123999Z', '1970-01-01T00:00:00Z', '1926-01-01T00:00:00Z'])(
    'is the same in SQL: %s',
    async (instant) => {
      const [row] = await source.query<[{ id: string }]>(`SELECT ${firstIdAtSql(`timestamptz '${instant}'`)} AS id`);
      expect(row.id).toBe(firstIdAt(new Date(instant)));
    },
  );
});
