import type { NestExpressApplication } from '@nestjs/platform-express';
import { getDataSourceToken } from '@nestjs/typeorm';
import { Client } from 'pg';
import { SCHEDULER } from '../src/database/data-source.js';
import { encodeCursor } from '../src/http/page.js';
import { jobsQuery } from '../src/jobs/api/list-jobs.js';
import { JobsService } from '../src/jobs/api/jobs.service.js';
import { Dispatcher } from '../src/jobs/dispatch/dispatcher.js';
import { createTestApplication } from './support/application.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { eventually } from './support/eventually.js';
import { EVERY_SECOND, givenJobs, jobRow } from './support/jobs.js';
import { runIdAt } from './support/run-id-at.js';
import { runSql } from './support/run-sql.js';

let database: TestDatabase;
let app: NestExpressApplication;

beforeAll(async () => {
  database = await createTestDatabase();
  app = await createTestApplication(database.url);
});
afterAll(async () => {
  await app.close();
  await database.drop();
});
afterEach(() => runSql(database.url, 'TRUNCATE cronzimus.jobs, cronzimus.runs CASCADE; TRUNCATE cronzimus.run_queue'));

const names = Array.from({ length: 30 }, (_, index) => `often.${String(index).padStart(2, '0')}`);
const page = (cursor?: string) =>
  app
    .get(JobsService, { strict: false })
    .list(jobsQuery.parse({ sort: 'nextRunAt', limit: 10, q: 'often', ...(cursor !== undefined && { cursor }) }));

/** The names on all pages. `between` is called after each page with the names so far. */
async function listed(between: (soFar: string[]) => Promise<unknown>): Promise<string[]> {
  const found: string[] = [];
  for (let cursor: string | null | undefined; cursor !== null;) {
    const { items, nextCursor } = await page(cursor);
    found.push(...items.map(({ name }) => name));
    cursor = nextCursor;
    await between(found);
  }
  return found;
}

/** Thirty jobs that are due every second. The first occurrence of each is `firstAt` of its index. */
async function givenOften(firstAt: (index: number) => Date): Promise<void> {
  const jobs = names.map((name, index) => {
    const at = firstAt(index);
    return jobRow(name, { trigger: EVERY_SECOND, overlap: 'allow', nextOccurrenceAt: at, nextRunAt: at });
  });
  await givenJobs(app.get(getDataSourceToken(SCHEDULER), { strict: false }), jobs);
}

async function runsByJob(): Promise<Map<string, number>> {
  const counts = await runSql(database.url, 'SELECT job, count(*)::int AS runs FROM cronzimus.runs GROUP BY job');
  return new Map(counts.map(({ job, runs }) => [job as string, runs as number]));
}

/** Dispatches until each of these jobs has had one more occurrence. */
async function dispatchAll(): Promise<void> {
  const before = await runsByJob();
  await eventually(async () => {
    await app.get(Dispatcher, { strict: false }).dispatchDue();
    const after = await runsByJob();
    expect(names.filter((name) => (after.get(name) ?? 0) <= (before.get(name) ?? 0))).toEqual([]);
  });
}

/** Does what a dispatch does to the jobs that are due, and gives each a next occurrence within 0.3 s. */
const DISPATCH = `
     WITH made AS (
       INSERT INTO cronzimus.runs (id, job_id, job, task, kind, state, scheduled_at, due_at, queued_at, priority,
         timeout_seconds, retry, on_interruption, input)
       SELECT ${runIdAt('statement_timestamp()')}, id, name, task, 'schedule', 'skipped', next_run_at, next_run_at,
         statement_timestamp(), 0, 1, retry, 'fail', '{}'
       FROM cronzimus.jobs WHERE next_run_at <= statement_timestamp() RETURNING job_id)
     UPDATE cronzimus.jobs SET next_run_at = statement_timestamp() + random() * interval '0.3 s' + interval '1 ms'
     FROM made WHERE id = job_id`;
const dispatchByHand = () => runSql(database.url, DISPATCH);

describe('the pages of jobs by their next run', () => {
  it('have each job once when all jobs fire between two pages', async () => {
    const second = Math.floor(Date.now() / 1_000) * 1_000;
    await givenOften((index) => new Date(second - 1_000 * (index % 3)));
    expect((await listed(dispatchAll)).toSorted()).toEqual(names);
  });

  it('have each job once when all are due at one instant', async () => {
    const second = Math.floor(Date.now() / 1_000) * 1_000;
    await givenOften(() => new Date(second + 1_000));
    expect((await listed(dispatchAll)).toSorted()).toEqual(names);
  });

  it.each(Array.from({ length: 10 }, (_, index) => index))(
    'have each job once when some fire between two pages, round %i',
    async () => {
      const now = Date.now();
      await givenOften((index) => new Date(now - 100 + index * 20));
      expect((await listed(dispatchByHand)).toSorted()).toEqual(names);
    },
  );

  it('have each job once when the jobs of the first page fire again and again', async () => {
    const now = Date.now();
    await givenOften((index) => new Date(index < 10 ? now + index : now + 3_600_000 + index));
    const all = await listed(async () => {
      for (let round = 0; round < 5; round += 1) await dispatchByHand();
    });
    expect(all).toHaveLength(30);
    expect(all.toSorted()).toEqual(names);
  });

  it('have each job once when a dispatch commits after the first page', async () => {
    const now = Date.now();
    await givenOften((index) => new Date(now - 1_000 + index));
    const scheduler = new Client({ connectionString: database.url, application_name: 'cronzimus scheduler 0' });
    await scheduler.connect();
    try {
      await scheduler.query('BEGIN');
      await scheduler.query(DISPATCH);
      const all = await listed(async (soFar) => {
        if (soFar.length === 10) await scheduler.query('COMMIT');
      });
      expect(all.toSorted()).toEqual(names);
    } finally {
      await scheduler.end();
    }
  });

  it('have each job, some twice, when over 10,000 runs were created since the first page', async () => {
    const now = Date.now();
    await givenOften((index) => new Date(now + index));
    const all = await listed(async (soFar) => {
      await dispatchByHand();
      if (soFar.length > 10) return;
      await runSql(
        database.url,
        `INSERT INTO cronzimus.runs (id, job_id, job, task, kind, state, scheduled_at, due_at, queued_at, priority,
           timeout_seconds, retry, on_interruption, input)
         SELECT ${runIdAt('statement_timestamp()')}, gen_random_uuid(), 'other', task, 'manual', 'skipped', now(), now(),
           statement_timestamp(), 0, 1, retry, 'fail', '{}'
         FROM cronzimus.jobs, generate_series(1, 10001) WHERE name = 'often.00'`,
      );
    });
    expect([...new Set(all)].toSorted()).toEqual(names);
  });

  it('continue after a cursor of an earlier version', async () => {
    const now = Date.now();
    await givenOften((index) => new Date(now + 3_600_000 + index));
    const old = encodeCursor(['nextRunAt', new Date(now + 3_600_000 + 9).toISOString(), 'often.09']);
    expect((await page(old)).items.map(({ name }) => name)).toEqual(names.slice(10, 20));
  });
});
