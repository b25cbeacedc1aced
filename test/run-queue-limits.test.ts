import { jest } from '@jest/globals';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { EntityManager } from 'typeorm';
import { PostgresQueryRunner } from 'typeorm/driver/postgres/PostgresQueryRunner.js';
import { rows } from '../src/database/transaction.js';
import { type Capacity, claimRuns } from '../src/runs/lifecycle/claim-runs.js';
import type { RunDraft } from '../src/runs/lifecycle/create-runs.js';
import { backgroundPriority } from '../src/runs/lifecycle/run-queue.js';
import { createTestApplication } from './support/application.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { capacityOf, TestQueue, type TestReplica, waitingRun } from './support/queue.js';
import { runIdAt } from './support/run-id-at.js';

let database: TestDatabase;
let app: NestExpressApplication;
let queue: TestQueue;
let worker: TestReplica;

beforeAll(async () => {
  database = await createTestDatabase();
  app = await createTestApplication(database.url);
  queue = new TestQueue(app);
});

beforeEach(async () => {
  await queue.clear();
  worker = await queue.replica('worker');
});

afterAll(async () => {
  await app.close();
  await database.drop();
});

const given = (count: number, draft: RunDraft) => queue.create(Array.from({ length: count }, () => draft));
/** How many runs of each job a claim takes. */
async function claimed(capacity: Partial<Capacity>): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const job of await queue.claimJobs(worker, capacity)) counts[job] = (counts[job] ?? 0) + 1;
  return counts;
}
const backfill = (job: string, priority: number, written: Partial<RunDraft> = {}) =>
  waitingRun(job, { kind: 'backfill', priority: backgroundPriority(priority), ...written });
const withBooks = { tasks: ['book', 'task'], transactionalTasks: ['book'] };

describe('a backfill', () => {
  it('waits for all live runs, however urgent it is and however unimportant they are', async () => {
    await given(4, backfill('backfill', 32_767));
    await given(3, waitingRun('live', { priority: -32_768 }));
    const capacity = { slots: 4, background: { slots: 2, transactional: 2 } };
    expect(await claimed(capacity)).toEqual({ live: 3, backfill: 1 });
  });

  it('gets no more slots than the background has, and the claim then says whether live runs wait', async () => {
    await given(9, backfill('backfill', 0));
    const capacity = { slots: 8, background: { slots: 4, transactional: 2 } };
    expect(await queue.claim(worker, capacity)).toMatchObject({
      runs: Array.from({ length: 4 }, () => expect.objectContaining({ job: 'backfill' })),
      moreWait: true,
      moreLiveWait: false,
    });
    expect(await claimed({ slots: 4, background: { slots: 0, transactional: 2 } })).toEqual({});
  });

  it('gets no more slots than the background has where runs are claimed ahead too', async () => {
    await given(9, backfill('backfill', 0));
    expect(await claimed({ slots: 0, ahead: 8, background: { slots: 3, transactional: 2 } })).toEqual({ backfill: 3 });
  });

  it('of a transactional task gets no more connections than the background has, and live ones get the others', async () => {
    await given(5, backfill('booked', 0, { task: 'book' }));
    await given(5, backfill('backfill', -1));
    const half = { ...withBooks, transactional: 4, background: { slots: 8, transactional: 2 } };
    expect(await claimed({ ...half, slots: 6 })).toEqual({ booked: 2, backfill: 4 });
    await given(5, waitingRun('live', { task: 'book' }));
    expect(await claimed({ ...half, slots: 6, transactional: 2 })).toEqual({ live: 2, backfill: 1 });
  });
});

describe('runs of transactional tasks', () => {
  it('are claimed up to the free connections, and leave the other slots to other runs', async () => {
    await given(5, waitingRun('booking', { task: 'book', priority: 1 }));
    await given(5, waitingRun('job'));
    expect(await claimed({ ...withBooks, slots: 6, transactional: 2 })).toEqual({ booking: 2, job: 4 });
    expect(await claimed({ ...withBooks, slots: 6, transactional: 0 })).toEqual({ job: 1 });
    expect(await claimed({ ...withBooks, slots: 6, transactional: 9 })).toEqual({ booking: 3 });
  });

  it('and runs that must not be started twice are claimed for free slots only, and never ahead', async () => {
    await given(3, waitingRun('booking', { task: 'book', priority: 1 }));
    await given(1, waitingRun('once', { onInterruption: 'fail' }));
    await given(9, waitingRun('job', { priority: -1 }));
    const { runs } = await queue.claim(worker, { ...withBooks, slots: 4, ahead: 3 });
    const placed = runs.map(({ job, claimedAhead }) => `${job}${claimedAhead ? ' ahead' : ''}`).toSorted();
    expect(placed).toEqual(['booking', 'booking', 'booking', 'job ahead', 'job ahead', 'job ahead', 'once']);
    const written = await queue.sql(
      `SELECT job, claimed_ahead, lateness_ms IS NULL AS unknown, count(*)::int FROM runs
       WHERE state = 'running' GROUP BY 1, 2, 3 ORDER BY 1`,
    );
    expect(written).toEqual([
      { job: 'booking', claimed_ahead: false, unknown: false, count: 3 },
      { job: 'job', claimed_ahead: true, unknown: true, count: 3 },
      { job: 'once', claimed_ahead: false, unknown: false, count: 1 },
    ]);
  });

  it.each([
    ['of a transactional task', { task: 'book' }],
    ['that must not be started twice', { onInterruption: 'fail' } as const],
  ])('are not passed over by runs that are claimed ahead: a run %s', async (_case, written) => {
    await given(2, waitingRun('first', { priority: 1 }));
    await given(1, waitingRun('needs a slot', written));
    await given(9, waitingRun('last', { priority: -1 }));
    expect(await claimed({ ...withBooks, slots: 0, ahead: 5 })).toEqual({ first: 2 });
    expect(await queue.claim(worker, { ...withBooks, slots: 0, ahead: 5 })).toMatchObject({
      runs: [],
      moreWait: true,
      moreLiveWait: true,
    });
    expect(await claimed({ ...withBooks, slots: 1, ahead: 5 })).toEqual({ 'needs a slot': 1, last: 5 });
  });
});

async function undone<T>(work: (tx: EntityManager) => Promise<T>): Promise<T> {
  let result: T | undefined;
  const rollback = new Error('roll it back');
  const rolledBack = queue.database.transaction(async (tx) => {
    result = await work(tx);
    throw rollback;
  });
  await expect(rolledBack).rejects.toBe(rollback);
  return result!;
}

const takeStatistics = async () => {
  for (const table of ['runs', 'run_queue']) {
    // Nobody else takes any.
    await queue.sql(`ALTER TABLE ${table} SET (autovacuum_enabled = false)`);
    await queue.sql(`ANALYZE ${table}`);
  }
};

/** How many buffers PostgreSQL reads for the statement that claimRuns sends. It is rolled back both times. */
async function buffersOfClaim(capacity: Partial<Capacity>): Promise<number> {
  const send = jest.spyOn(PostgresQueryRunner.prototype, 'query');
  try {
    const { runs } = await undone((tx) => claimRuns(tx, capacityOf(capacity), worker));
    expect(runs.map(({ task }) => task)).toEqual(Array.from({ length: 10 }, () => 'task'));
    const [statement, values] = send.mock.calls.find(([text]) => text.includes('DELETE FROM run_queue'))!;
    const [explained] = await undone((tx) =>
      rows<{ 'QUERY PLAN': [{ Plan: Record<string, number> }] }>(
        tx,
        `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${statement}`,
        values as unknown[],
      ),
    );
    const { Plan } = explained!['QUERY PLAN'][0];
    return Plan['Shared Hit Blocks']! + Plan['Shared Read Blocks']!;
  } finally {
    send.mockRestore();
  }
}

describe('runs that may be what kills processes', () => {
  beforeEach(async () => {
    await given(3, waitingRun('suspect', { priority: 1 }));
    await queue.sql('UPDATE runs SET interruptions = 2');
    await queue.sql('UPDATE run_queue SET suspect = true');
    await given(2, waitingRun('other'));
  });

  it('are claimed one at a time, and other runs start beside them', async () => {
    const claim = await queue.claim(worker, { slots: 3 });
    expect(claim).toMatchObject({ moreWait: true, moreLiveWait: true });
    expect(claim.runs.map(({ job, suspect }) => [job, suspect])).toEqual([
      ['suspect', true],
      ['other', false],
      ['other', false],
    ]);
    expect(await claimed({ suspects: 0 })).toEqual({});
    expect(await claimed({ suspects: 1 })).toEqual({ suspect: 1 });
  });

  it('are never claimed ahead, and do not keep other runs from starting where they are created', async () => {
    expect(await claimed({ slots: 0, ahead: 5 })).toEqual({});
    expect(await queue.claim(worker, { suspects: 0, slots: 4 })).toMatchObject({ moreWait: true, moreLiveWait: false });
  });
});

describe('runs of tasks that a worker does not have', () => {
  const KNOWN = 10_000;
  const UNKNOWN = 90_000;
  /** A claim of ten runs reads about 270. The entries alone fill more than 900. */
  const MAX_BUFFERS = 600;

  /** Of every ten, nine are of a task that the worker does not have, and come first by priority and by age. */
  const givenBacklog = () =>
    queue.sql(
      `WITH made AS (
         INSERT INTO runs (id, job_id, job, task, kind, state, scheduled_at, due_at, queued_at, priority, timeout_seconds,
           retry, on_interruption, input)
         SELECT ${runIdAt('now()')}, gen_random_uuid(), 'job', CASE WHEN n <= $1::int THEN 'unknown' ELSE 'task' END, 'manual', 'pending',
           now(), now(), now(), (n <= $1::int)::int, 300, '{}', 'rerun', '{}' FROM generate_series(1, $1::int + $2::int) AS n
         RETURNING id, task, priority)
       INSERT INTO run_queue SELECT id, task, priority, now() - priority * interval '1 hour', false FROM made`,
      [UNKNOWN, KNOWN],
    );

  it('are left for others, and cost nothing, however many wait', async () => {
    await givenBacklog();
    await takeStatistics();
    expect(await buffersOfClaim({})).toBeLessThan(MAX_BUFFERS);
    expect(await buffersOfClaim({ tasks: ['a', 'b', 'c', 'task'] })).toBeLessThan(MAX_BUFFERS);
    expect(await buffersOfClaim({ slots: 4, ahead: 6 })).toBeLessThan(MAX_BUFFERS);
  });

  it('cost nothing either where the statistics were taken while the tables were empty', async () => {
    await takeStatistics();
    await givenBacklog();
    expect(await buffersOfClaim({})).toBeLessThan(MAX_BUFFERS);
    expect(await buffersOfClaim({ tasks: ['a', 'b', 'c', 'task'] })).toBeLessThan(MAX_BUFFERS);
    expect(await buffersOfClaim({ slots: 4, ahead: 6 })).toBeLessThan(MAX_BUFFERS);
  });
});
