import { jest } from '@jest/globals';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { PostgresQueryRunner } from 'typeorm/driver/postgres/PostgresQueryRunner.js';
import { BY_CRON_RULE } from '../src/core/triggers/clock-change.js';
import { SchedulerDatabase } from '../src/database/scheduler-database.js';
import { rows } from '../src/database/transaction.js';
import { ExplainService } from '../src/insight/explain.service.js';
import { pollDue } from '../src/jobs/dispatch/due.js';
import { lockDueJobs, lockEndedPauses } from '../src/jobs/dispatch/due-jobs.js';
import { createTestApplication } from './support/application.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { runIdAt } from './support/run-id-at.js';
import { runSql } from './support/run-sql.js';

const JOBS = 20_000;
const RUNS = 200_000;
/** Each tenth run is of one job, which has one each minute. */
const FIRST = Date.parse('2026-01-01T00:00:00Z');
const MINUTE = 60_000;
/** Of one statement. A look-up by an index reads up to five pages, and a page of the table for each row. */
const MAX_BUFFERS = 300;

let database: TestDatabase;
let app: NestExpressApplication;
const sql = <T extends object>(text: string, values: unknown[] = []) => runSql<T>(database.url, text, values);

beforeAll(async () => {
  database = await createTestDatabase();
  app = await createTestApplication(database.url);
  const definition = {
    task: 'task',
    trigger: {
      type: 'interval',
      everySeconds: 60,
      anchor: new Date(FIRST).toISOString(),
      startAt: null,
      endAt: null,
      jitterSeconds: 0,
    },
    clockChange: BY_CRON_RULE,
    overlap: 'skip',
    misfire: { policy: 'skip', graceSeconds: 60, maxCatchUp: 10 },
  };
  await sql(
    `INSERT INTO cronzimus.jobs (id, name, description, task, input, trigger, paused, paused_until, declared_paused, priority, tags,
       timeout_seconds, retry, on_interruption, misfire, overlap, source, version, created_at, updated_at, next_occurrence_at, next_run_at)
     SELECT gen_random_uuid(), 'job-' || n, '', 'task', '{}', $2, n % 10 = 0, CASE WHEN n % 10 = 0 THEN timestamptz '2100-01-01' END, false,
       0, '{}', 300, '{}', 'rerun', '{}', 'skip', 'api', 5, now(), now(), '2100-01-01', '2100-01-01'
     FROM generate_series(1, $1::int) AS n`,
    [JOBS, definition.trigger],
  );
  await sql(
    `INSERT INTO cronzimus.job_versions (job_id, job, version, valid_from, valid_to, definition)
     SELECT id, name, n, timestamptz '2026-01-01' + (n - 1) * interval '1 day' - interval '1 ms',
       CASE WHEN n < 5 THEN timestamptz '2026-01-01' + n * interval '1 day' - interval '1 ms' END, $1
     FROM cronzimus.jobs, generate_series(1, 5) AS n`,
    [definition],
  );
  await sql(
    `INSERT INTO cronzimus.job_pauses (job_id, job, paused_at, ended_at)
     SELECT id, name, timestamptz '2026-01-01' + n * interval '1 day', timestamptz '2026-01-01' + n * interval '1 day 1 hour'
     FROM cronzimus.jobs, generate_series(1, 5) AS n
     UNION ALL SELECT NULL, NULL, timestamptz '2026-01-01' + n * interval '1 hour', timestamptz '2026-01-01' + n * interval '1 hour 1 minute'
     FROM generate_series(1, 10000) AS n`,
  );
  await sql(
    `INSERT INTO cronzimus.runs (id, job_id, job, task, kind, state, reason, scheduled_at, due_at, queued_at, started_at, finished_at,
       lateness_ms, priority, timeout_seconds, retry, on_interruption, input)
     SELECT ${runIdAt('at')}, jobs.id, name, 'task', 'schedule', state, CASE WHEN state = 'skipped' THEN 'overlap' END, at, at, at,
       CASE WHEN state <> 'skipped' THEN at END, CASE WHEN state <> 'running' THEN at END, 1, 0, 300, '{}', 'rerun', '{}'
     FROM (SELECT CASE WHEN n % 10 = 0 THEN 'job-1' ELSE 'job-' || 2 + n % ($2::int - 1) END AS name,
         CASE WHEN n = 10 THEN 'running' WHEN n % 100 = 0 THEN 'skipped' ELSE 'succeeded' END AS state,
         timestamptz '2026-01-01' + CASE WHEN n % 10 = 0 THEN n / 10 ELSE n / ($2::int - 1) END * interval '1 minute' AS at
       FROM generate_series(1, $1::int) AS n) AS run JOIN cronzimus.jobs USING (name)`,
    [RUNS, JOBS],
  );
  await sql(
    'INSERT INTO cronzimus.run_attempts (run_id, number, started_at, finished_at, state) SELECT id, 1, now(), now(), $1 FROM cronzimus.runs',
    ['failed'],
  );
  for (const table of ['jobs', 'job_versions', 'job_pauses', 'runs', 'run_attempts'])
    await sql(`ANALYZE cronzimus.${table}`);
}, 600_000);

afterAll(async () => {
  await app.close();
  await database.drop();
});

interface Plan {
  'Node Type': string;
  'Relation Name'?: string;
  'Shared Hit Blocks': number;
  'Shared Read Blocks': number;
  Plans?: Plan[];
}
const nodes = (plan: Plan): Plan[] => [plan, ...(plan.Plans ?? []).flatMap(nodes)];
const LARGE = ['jobs', 'job_versions', 'job_pauses', 'runs', 'run_attempts'];

/** What the statements that `work` sends read of the large tables: a table that is read as a whole, or too many buffers. */
async function costs(work: () => Promise<unknown>): Promise<{ statements: number; found: string[] }> {
  const send = jest.spyOn(PostgresQueryRunner.prototype, 'query');
  let sent: [string, unknown[] | undefined][];
  try {
    await work();
    sent = send.mock.calls.map(([text, values]) => [text, values as unknown[] | undefined]);
  } finally {
    send.mockRestore();
  }
  const reads = sent.filter(([text]) => LARGE.some((table) => new RegExp(`\\b${table}\\b`).test(text)));
  const found: string[] = [];
  for (const [text, values] of reads) {
    const [explained] = await scheduler().transaction((tx) =>
      rows<{ 'QUERY PLAN': [{ Plan: Plan }] }>(tx, `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${text}`, values),
    );
    const { Plan: plan } = explained!['QUERY PLAN'][0];
    for (const node of nodes(plan))
      if (node['Node Type'] === 'Seq Scan' && LARGE.includes(node['Relation Name']!))
        found.push(`${node['Relation Name']} is read as a whole by ${text}`);
    const buffers = plan['Shared Hit Blocks'] + plan['Shared Read Blocks'];
    if (buffers > MAX_BUFFERS) found.push(`${buffers} buffers are read by ${text}`);
  }
  return { statements: reads.length, found };
}

const explain = (name: string, at: number) =>
  app
    .get(ExplainService, { strict: false })
    .explain({ key: 'test', signal: new AbortController().signal }, name, new Date(at), true);

it.each<[string, string, number, string, string[]?]>([
  ['that ran', 'job-1', 5_001, 'ran'],
  ['that was skipped because of the newest runs', 'job-1', 20_000, 'skipped'],
  ['that was skipped because of a run long before it', 'job-1', 10_000, 'skipped', ['blocked_by']],
  ['that has no row', 'job-2', 50_000, 'unexplained'],
  ['before the job', 'job-1', -10, 'before_creation'],
  ['that is to come', 'job-3', 30_000_000, 'future'],
])(
  'explaining an instant %s looks each fact up by an index',
  async (_case, name, minutes, verdict, evidence: string[] = []) => {
    const at = FIRST + minutes * MINUTE;
    const explained = await explain(name, at);
    expect(explained).toMatchObject({ verdict });
    expect(explained.evidence.map(({ code }) => code)).toEqual(expect.arrayContaining(evidence));
    const { statements, found } = await costs(() => explain(name, at));
    expect(found).toEqual([]);
    expect(statements).toBeGreaterThanOrEqual(3);
    expect(statements).toBeLessThanOrEqual(6);
  },
);

const scheduler = () => app.get(SchedulerDatabase, { strict: false });

describe('where many jobs are paused', () => {
  it.each<[string, () => Promise<unknown>]>([
    ['polling', () => pollDue(scheduler())],
    ['locking due jobs', () => scheduler().transaction((tx) => lockDueJobs(tx, 100))],
    ['locking jobs whose pauses have ended', () => scheduler().transaction((tx) => lockEndedPauses(tx, 200))],
  ])('%s reads an index', async (_case, work) => {
    expect(await costs(work)).toEqual({ statements: 1, found: [] });
  });
});
