import type { NestExpressApplication } from '@nestjs/platform-express';
import type { EntityManager } from 'typeorm';
import { cancelRuns } from '../src/runs/lifecycle/cancel-runs.js';
import { type Claim, claimRuns } from '../src/runs/lifecycle/claim-runs.js';
import type { RunDraft } from '../src/runs/lifecycle/create-runs.js';
import { outcomeOf } from '../src/runs/lifecycle/outcome.js';
import { pollQueue } from '../src/runs/lifecycle/run-queue.js';
import { settleRuns } from '../src/runs/lifecycle/settle-runs.js';
import { createTestApplication } from './support/application.js';
import { runSql } from './support/run-sql.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { eventually } from './support/eventually.js';
import { capacityOf, TestQueue, type TestReplica, waitingRun } from './support/queue.js';

const PATIENCE = { within: 30_000 };

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

const secondsAgo = (seconds: number) => new Date(Date.now() - seconds * 1000);
const givenAged = async (job: string, age: number, written: Partial<RunDraft>) => {
  const id = await queue.createOne(waitingRun(job, written));
  await queue.sql('UPDATE run_queue SET ready_at = $2 WHERE run_id = $1', [id, secondsAgo(age)]);
};
const inTransaction = <T>(work: (tx: EntityManager) => Promise<T>) => queue.database.transaction(work);
const succeeded = { state: 'succeeded', output: null } as const;
const failed = { state: 'failed', error: { name: 'Error', message: 'boom' }, final: false } as const;
const settle = (tx: EntityManager, { runs }: Claim, result: typeof succeeded | typeof failed) =>
  settleRuns(
    tx,
    runs.map((run) => outcomeOf(run, result, null, 0.5)),
  );

describe('of the runs that wait', () => {
  it('the highest priority is claimed first, then the run that was ready first, whatever their tasks', async () => {
    // Ready in an order that is not that of their creation.
    await givenAged('high and youngest', 1, { priority: 1 });
    await givenAged('fourth', 10, { task: 'other' });
    await givenAged('second', 30, { task: 'other' });
    await givenAged('third', 20, {});
    await givenAged('low and oldest', 60, { priority: -1 });
    const claimed: string[][] = [];
    for (let run = 0; run < 5; run += 1)
      claimed.push(await queue.claimJobs(worker, { slots: 1, tasks: ['other', 'task'] }));
    expect(claimed).toEqual([['high and youngest'], ['second'], ['third'], ['fourth'], ['low and oldest']]);
  });

  it('the first ones fill the slots, and the claim says that more wait', async () => {
    for (const priority of [1, 2, 3, 4])
      await queue.createOne(waitingRun(`priority ${priority}`, { priority, task: priority % 2 ? 'task' : 'other' }));
    const first = await queue.claim(worker, { slots: 3, tasks: ['other', 'task'] });
    expect(first.runs.map(({ job }) => job).toSorted()).toEqual(['priority 2', 'priority 3', 'priority 4']);
    expect(first).toMatchObject({ moreWait: true, moreLiveWait: true, contended: false });
    const second = await queue.claim(worker, { slots: 3, tasks: ['other', 'task'] });
    expect(second.runs.map(({ job }) => job)).toEqual(['priority 1']);
    expect(second).toMatchObject({ moreWait: false, moreLiveWait: false, contended: false });
  });

  it('a retry is claimed at its instant, and not before', async () => {
    const id = await queue.createOne(waitingRun('job'));
    const claim = await queue.claim(worker);
    await inTransaction((tx) => settle(tx, claim, failed));
    const [entry] = await queue.sql(
      `SELECT ready_at = next_attempt_at AS same, ready_at - run_attempts.finished_at = interval '1 hour' AS later
       FROM run_queue JOIN run_attempts USING (run_id) JOIN runs ON runs.id = run_id`,
    );
    expect(entry).toEqual({ same: true, later: true });
    expect(await queue.claimJobs(worker)).toEqual([]);
    await queue.sql(`UPDATE run_queue SET ready_at = statement_timestamp() + interval '30 seconds'`);
    expect(await queue.claimJobs(worker)).toEqual([]);
    await queue.sql('UPDATE run_queue SET ready_at = statement_timestamp()');
    expect(await queue.claimJobs(worker)).toEqual(['job']);
    expect(await queue.run(id)).toMatchObject({ state: 'running', attempt: 2, next_attempt_at: null });
  });

  it('one that is created while another waits for its retry need not wait for the next poll', async () => {
    await queue.createOne(waitingRun('retry'), secondsAgo(-3_600));
    const { oldest, ready, nextInMs } = await pollQueue(queue.database, ['task']);
    expect(ready).toBe(false);
    expect(nextInMs).toBeGreaterThan(3_000_000);
    await queue.createOne(waitingRun('job'));
    expect(await queue.claimJobs(worker, { readySince: oldest })).toEqual(['job']);
  });

  it('a held one has no entry until the run before it has ended', async () => {
    const first = waitingRun('job');
    await queue.create([first, { ...first, held: true }, { ...first, held: true }]);
    expect(await queue.entries()).toEqual(['job']);
    const claim = await queue.claim(worker);
    expect(claim.runs).toHaveLength(1);
    expect(await queue.entries()).toEqual([]);
    expect(await queue.claimJobs(worker)).toEqual([]);
    await inTransaction((tx) => settle(tx, claim, succeeded));
    expect(await queue.entries()).toEqual(['job']);
    expect(await queue.claimJobs(worker)).toEqual(['job']);
  });

  it('none is claimed while the scheduler is paused', async () => {
    await queue.createOne(waitingRun('job'));
    await queue.sql('UPDATE scheduler SET paused = true');
    expect(await queue.claimJobs(worker)).toEqual([]);
    expect(await queue.entries()).toEqual(['job']);
    await queue.sql('UPDATE scheduler SET paused = false');
    expect(await queue.claimJobs(worker)).toEqual(['job']);
  });

  it('none is claimed by a replica whose row is gone', async () => {
    await queue.createOne(waitingRun('job'));
    const other = await queue.replica('other');
    await queue.sql('DELETE FROM replicas WHERE number = $1', [worker.number]);
    expect(await queue.claimJobs(worker)).toEqual([]);
    expect(await queue.entries()).toEqual(['job']);
    expect(await queue.claimJobs(other)).toEqual(['job']);
  });
});

describe('two workers that claim at the same moment', () => {
  it('get different runs, and neither waits for the other', async () => {
    const other = await queue.replica('other');
    const ids = await queue.create(Array.from({ length: 6 }, () => waitingRun('job')));
    await inTransaction(async (tx) => {
      const mine = await claimRuns(tx, capacityOf({ slots: 3 }), worker);
      // Committed while the first transaction is still open.
      const theirs = await queue.claim(other, { slots: 3 });
      expect(mine.runs).toHaveLength(3);
      expect(theirs.runs).toHaveLength(3);
      expect([...mine.runs, ...theirs.runs].map(({ id }) => id).toSorted()).toEqual(ids);
    });
    expect(await queue.entries()).toEqual([]);
  });

  it('and of whom the second finds nothing but what the first has locked: it is told so, and does not wait', async () => {
    const other = await queue.replica('other');
    await queue.createOne(waitingRun('job'));
    await inTransaction(async (tx) => {
      await claimRuns(tx, capacityOf(), worker);
      expect(await queue.claim(other)).toMatchObject({ runs: [], contended: true });
    });
  });
});

describe('a claim', () => {
  it('that is rolled back leaves the entries and the runs', async () => {
    const id = await queue.createOne(waitingRun('job'));
    const lost = inTransaction(async (tx) => {
      expect((await claimRuns(tx, capacityOf(), worker)).runs).toHaveLength(1);
      throw new Error('the connection is lost');
    });
    await expect(lost).rejects.toThrow('the connection is lost');
    expect(await queue.run(id)).toMatchObject({ state: 'pending', attempt: 0, replica_number: null });
    expect(await queue.claimJobs(worker)).toEqual(['job']);
  });

  it('does not start a run that is cancelled while its entry is being claimed', async () => {
    const id = await queue.createOne(waitingRun('job'));
    let claiming: Promise<Claim> | undefined;
    await inTransaction(async (tx) => {
      // The cancellation has the run's lock. Its entry is still there, as if the claim had just locked it.
      await tx.query(`UPDATE runs SET state = 'cancelled', finished_at = statement_timestamp() WHERE id = $1`, [id]);
      claiming = queue.claim(worker);
      await eventually(async () => expect(await waitingForLocks()).toBe(1), PATIENCE);
    });
    expect(await claiming).toMatchObject({ runs: [], contended: true });
    expect(await queue.run(id)).toMatchObject({ state: 'cancelled', attempt: 0 });
    expect(await queue.entries()).toEqual([]);
  });

  it('that comes first leaves a running run, which the cancellation then asks to stop', async () => {
    const id = await queue.createOne(waitingRun('job'));
    let cancelling: Promise<{ running: number }> | undefined;
    await inTransaction(async (tx) => {
      expect((await claimRuns(tx, capacityOf(), worker)).runs).toHaveLength(1);
      cancelling = inTransaction((other) => cancelRuns(other, [id], 'user'));
      await eventually(async () => expect(await waitingForLocks()).toBe(1), PATIENCE);
    });
    expect(await cancelling).toEqual({ ended: [], running: 1 });
    expect(await queue.run(id)).toMatchObject({ state: 'running', cancel_reason: 'user' });
  });

  it('that finds an entry without a waiting run starts nothing, and removes the entry', async () => {
    const ended = await queue.createOne(waitingRun('ended'));
    const deleted = await queue.createOne(waitingRun('deleted'));
    const running = await queue.createOne(waitingRun('running'));
    await queue.sql(`UPDATE runs SET state = 'succeeded', finished_at = now() WHERE id = $1`, [ended]);
    await queue.sql('DELETE FROM runs WHERE id = $1', [deleted]);
    await queue.sql(`UPDATE runs SET state = 'running', attempt = 7 WHERE id = $1`, [running]);
    expect(await queue.claim(worker)).toMatchObject({ runs: [], contended: true });
    expect(await queue.entries()).toEqual([]);
    expect(await queue.run(ended)).toMatchObject({ state: 'succeeded', attempt: 0 });
    expect(await queue.run(running)).toMatchObject({ state: 'running', attempt: 7, replica_number: null });
  });
});

const waitingForLocks = async () =>
  (
    await runSql(
      database.url,
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    )
  ).length;
