import { DataSource, type MixedList } from 'typeorm';
import { migrate } from '../src/database/migrate.js';
import { migrationSource } from '../src/database/migration-sources.js';
import { runSql } from './support/run-sql.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';

const RUN_QUEUE = 1_790_900_000_000;

let database: TestDatabase;

beforeEach(async () => {
  database = await createTestDatabase();
  await runSql(database.url, 'DROP SCHEMA cronzimus CASCADE; CREATE SCHEMA cronzimus');
  await migrateTo(RUN_QUEUE - 1);
});

afterEach(() => database.drop());

const settings = () => ({ DATABASE_URL: database.url, DATABASE_DIRECT_URL: undefined, DATABASE_SCHEMA: 'cronzimus' });

/** Applies the migrations up to this timestamp only. */
async function migrateTo(timestamp: number): Promise<void> {
  const { options } = migrationSource(settings());
  const all = options.migrations as MixedList<{ new (): object; name: string }> as { name: string }[];
  const earlier = all.filter(({ name }) => Number(name.slice(-13)) <= timestamp) as never[];
  const source = await new DataSource({ ...options, migrations: earlier }).initialize();
  await source.runMigrations();
  await source.destroy();
}

/** Runs as the earlier version leaves them: with tickets, in each state. */
const givenRuns = () =>
  runSql(
    database.url,
    `INSERT INTO cronzimus.runs (id, job_id, job, task, kind, state, held, scheduled_at, due_at, queued_at, next_attempt_at,
       attempt, ticket, priority, timeout_seconds, retry, on_interruption, input, finished_at)
     SELECT gen_random_uuid(), gen_random_uuid(), job, 'task ' || job, 'manual', state, held, queued, queued, queued, next,
       (state <> 'pending')::int, CASE WHEN NOT held THEN gen_random_uuid() END, priority, 300, '{}', on_interruption, '{}',
       CASE WHEN state IN ('succeeded', 'failed') THEN now() END
     FROM (VALUES
       ('pending', 'pending', false, '2026-06-01T12:00:00.123Z'::timestamptz, NULL::timestamptz, 5, 'rerun'),
       ('backfill', 'pending', false, '2026-06-01T12:00:01Z', NULL, -65536, 'fail'),
       ('retrying', 'retrying', false, '2026-06-01T12:00:02Z', '2100-06-01T12:00:00.456Z', 0, 'rerun'),
       ('held', 'pending', true, '2026-06-01T12:00:03Z', NULL, 0, 'rerun'),
       ('running', 'running', false, '2026-06-01T12:00:04Z', NULL, 0, 'rerun'),
       ('succeeded', 'succeeded', false, '2026-06-01T12:00:05Z', NULL, 0, 'rerun'),
       ('failed', 'failed', false, '2026-06-01T12:00:06Z', NULL, 0, 'rerun'))
       AS run (job, state, held, queued, next, priority, on_interruption)`,
  );

const givenReplica = (seen: string) =>
  runSql(
    database.url,
    `INSERT INTO cronzimus.replicas (name, app, started_at, seen_at)
     VALUES ('7 host pid 1', 'app', now() - interval '1 day', now() - interval '${seen}')`,
  );
const columns = () =>
  runSql(
    database.url,
    `SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'cronzimus' ORDER BY 1, 2`,
  );
const runs = () => runSql(database.url, 'SELECT * FROM cronzimus.runs ORDER BY job');

describe('the migration to the run queue', () => {
  it('gives entries to the waiting and the retrying runs that are not held, with their instants, and to no other run', async () => {
    await givenRuns();
    const before = await runs();
    await migrate(settings());
    const entries = await runSql(
      database.url,
      `SELECT job, q.task, q.priority, to_json(ready_at AT TIME ZONE 'UTC') AS ready, exclusive
       FROM cronzimus.run_queue q LEFT JOIN cronzimus.runs ON id = run_id ORDER BY job`,
    );
    expect(entries).toEqual([
      { job: 'backfill', task: 'task backfill', priority: -65_536, ready: '2026-06-01T12:00:01', exclusive: true },
      { job: 'pending', task: 'task pending', priority: 5, ready: '2026-06-01T12:00:00.123', exclusive: false },
      { job: 'retrying', task: 'task retrying', priority: 0, ready: '2100-06-01T12:00:00.456', exclusive: false },
    ]);
    const expected = before.map(({ ticket: _ticket, ...run }) => ({
      ...run,
      claimed_ahead: false,
      idempotency_key: null,
      late: false,
      unread: true,
    }));
    expect(await runs()).toEqual(expected);
  });

  it('refuses while a replica has given a sign of life in the last 10 s, and changes nothing', async () => {
    await givenRuns();
    await givenReplica('5 seconds');
    const before = { columns: await columns(), runs: await runs() };
    await expect(migrate(settings())).rejects.toMatchObject({
      code: 'REPLICAS_RUNNING',
      message: expect.stringContaining('Still alive: "7 host pid 1"'),
    });
    expect({ columns: await columns(), runs: await runs() }).toEqual(before);
    const applied = `SELECT FROM cronzimus.migrations WHERE timestamp >= ${RUN_QUEUE}`;
    expect(await runSql(database.url, applied)).toEqual([]);
    await runSql(database.url, `UPDATE cronzimus.replicas SET seen_at = now() - interval '11 seconds'`);
    await migrate(settings());
    expect(await runSql(database.url, 'SELECT FROM cronzimus.run_queue')).toHaveLength(3);
  });

  it('can be undone', async () => {
    await givenRuns();
    const before = await columns();
    await migrateTo(RUN_QUEUE);
    const source = await migrationSource(settings()).initialize();
    await source.undoLastMigration();
    await source.destroy();
    expect(await columns()).toEqual(before);
  });
});
