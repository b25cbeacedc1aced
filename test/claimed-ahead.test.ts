import { Injectable, Module } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { z } from 'zod';
import { serve } from '../src/application.js';
import { ENVIRONMENT, type Environment } from '../src/config/environment.js';
import { notify } from '../src/replicas/notify.js';
import { Replicas } from '../src/replicas/replicas.js';
import { cancelRuns } from '../src/runs/lifecycle/cancel-runs.js';
import { claimRuns } from '../src/runs/lifecycle/claim-runs.js';
import type { RunDraft } from '../src/runs/lifecycle/create-runs.js';
import { backgroundPriority } from '../src/runs/lifecycle/run-queue.js';
import { reclaimOrphans } from '../src/runs/lifecycle/reclaim-runs.js';
import { Recovery } from '../src/runs/recovery/recovery.js';
import { Executor } from '../src/runs/worker/executor.js';
import { Worker } from '../src/runs/worker/worker.js';
import type { RunContext } from '../src/tasks/run-context.js';
import { Task, type TaskHandler } from '../src/tasks/task.decorator.js';
import { createTestApplication } from './support/application.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { eventually } from './support/eventually.js';
import { capacityOf, TestQueue, waitingRun } from './support/queue.js';
import { TestTasksModule } from './support/tasks.js';

const SLOTS = 4;
const PATIENCE = { within: 30_000 };

/** The runs in the order in which their tasks were called. */
let started: string[];
let active = 0;
let mostActive = 0;

const input = z.strictObject({ ms: z.int() });

/** Takes so many milliseconds. */
@Injectable()
@Task({ name: 'brief', input })
class Brief implements TaskHandler<typeof input> {
  async run({ ms }: z.infer<typeof input>, { run }: RunContext) {
    started.push(run.id);
    active += 1;
    mostActive = Math.max(mostActive, active);
    await new Promise((resolve) => setTimeout(resolve, ms));
    active -= 1;
  }
}

@Module({ imports: [TestTasksModule], providers: [Brief] })
class TasksModule {}

let database: TestDatabase;
let app: NestExpressApplication;
let stop: () => Promise<void>;
let queue: TestQueue;

beforeEach(async () => {
  [started, active, mostActive] = [[], 0, 0];
  database = await createTestDatabase();
  app = await createTestApplication(
    database.url,
    { WORKER_CONCURRENCY: String(SLOTS), SHUTDOWN_GRACE_SECONDS: '0', ROLES: 'worker' },
    [TasksModule],
  );
  queue = new TestQueue(app);
  // Every change of a run's state that is ever written.
  await queue.sql('CREATE TABLE public.changes (run uuid, job text, state text, ahead boolean, transaction xid8)');
  await queue.sql(`CREATE FUNCTION public.note_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO public.changes VALUES (NEW.id, NEW.job, NEW.state, NEW.claimed_ahead, pg_current_xact_id()); RETURN NULL; END $$`);
  await queue.sql(`CREATE TRIGGER note AFTER INSERT OR UPDATE OF state ON runs FOR EACH ROW
    EXECUTE FUNCTION public.note_change()`);
  const drain = await serve(app, app.get<Environment>(ENVIRONMENT, { strict: false }));
  stop = async () => {
    await drain();
    await app.close();
    await database.drop();
  };
});

afterEach(() => stop());

const get = <T>(type: new (...args: never[]) => T): T => app.get(type, { strict: false });
const brief = (job: string, written: Partial<RunDraft> = {}) =>
  waitingRun(job, { task: 'brief', input: { ms: 2 }, ...written });
const many = (count: number, draft: RunDraft) => Array.from({ length: count }, () => draft);

/** Creates the runs, and notifies the worker of them. */
async function given(...batches: RunDraft[][]): Promise<string[]> {
  const ids: string[] = [];
  for (const drafts of batches) ids.push(...(await queue.create(drafts)));
  await queue.database.transaction((tx) => notify(tx, 'runs'));
  return ids;
}

const countOf = async (condition: string) => (await queue.sql(`SELECT FROM runs WHERE ${condition}`)).length;
const reaches = (condition: string, count: number) =>
  eventually(async () => expect(await countOf(condition)).toBe(count), PATIENCE);

describe('a worker with a backlog of short tasks', () => {
  it('claims more runs than it has slots, runs no more at once than it has, and runs each once', async () => {
    const batches = Array.from({ length: 20 }, () => [
      many(40, brief('rerun')),
      many(5, brief('once', { onInterruption: 'fail' })),
    ]);
    const ids = await given(...batches.flat());
    await reaches(`state = 'succeeded'`, ids.length);
    expect(started.toSorted()).toEqual(ids.toSorted());
    expect(mostActive).toBe(SLOTS);
    const claims = await queue.sql<{ ahead: number; size: number }>(
      `SELECT count(*) FILTER (WHERE ahead)::int AS ahead, count(*)::int AS size FROM public.changes
       WHERE state = 'running' GROUP BY transaction`,
    );
    expect(Math.max(...claims.map(({ ahead }) => ahead))).toBeGreaterThan(0);
    expect(Math.max(...claims.map(({ size }) => size))).toBeGreaterThan(SLOTS);
    const ahead = await queue.sql(`SELECT DISTINCT job FROM public.changes WHERE state = 'running' AND ahead`);
    expect(ahead).toEqual([{ job: 'rerun' }]);
  });

  it('starts a run that must not be started twice before the backlog, where its priority is higher', async () => {
    await given(...Array.from({ length: 10 }, () => many(300, brief('backlog'))));
    await eventually(() => expect(started.length).toBeGreaterThan(100), PATIENCE);
    const before = started.length;
    const [urgent] = await given([brief('urgent', { priority: 1, onInterruption: 'fail' })]);
    await eventually(() => expect(started).toContain(urgent), PATIENCE);
    // Without that it would be the last of 3,000.
    expect(started.indexOf(urgent!) - before).toBeLessThan(2_000);
  });

  it('keeps a backfill to half of its slots, also where its runs were claimed ahead', async () => {
    const backfill = { kind: 'backfill', priority: backgroundPriority(0) } as const;
    await given(many(20, waitingRun('backfill', { ...backfill, task: 'wait' })), many(600, brief('live')));
    await reaches(`job = 'live' AND state = 'succeeded'`, 600);
    await reaches(`state = 'running' AND claimed_ahead`, 0);
    await eventually(
      async () => expect(await countOf(`state = 'running'`)).toBeGreaterThanOrEqual(SLOTS / 2),
      PATIENCE,
    );
    expect(await countOf(`state = 'running'`)).toBe(SLOTS / 2);
  });
});

/** Lets the worker claim these runs, which its loop does not: as if a slot had been about to become free. */
async function claimAhead(...ids: string[]): Promise<void> {
  const { number, name } = get(Replicas);
  const capacity = capacityOf({ slots: 0, ahead: ids.length, tasks: ['brief', 'wait'] });
  const { runs } = await queue.database.transaction((tx) => claimRuns(tx, capacity, { number, name }));
  expect(runs.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
  for (const id of ids)
    expect(await queue.run(id)).toMatchObject({ state: 'running', claimed_ahead: true, lateness_ms: null });
  // Which would give back what the worker has forgotten.
  await get(Recovery).reconciler.stop();
  get(Executor).accept(runs);
}

/** Runs that hold all slots until they are cancelled. */
async function givenFullSlots(): Promise<string[]> {
  const ids = await given(many(SLOTS, waitingRun('long', { task: 'wait' })));
  await reaches(`state = 'running'`, SLOTS);
  return ids;
}

const cancel = async (ids: string[]) => {
  await queue.database.transaction(async (tx) => {
    await cancelRuns(tx, ids, 'user');
    await notify(tx, 'cancel');
  });
  await reaches(`state = 'cancelled'`, ids.length);
};

describe('a run that was claimed ahead', () => {
  const IN_QUEUE = {
    state: 'pending',
    claimed_ahead: false,
    started_at: null,
    lateness_ms: null,
    interruptions: 0,
    retries_used: 0,
  };

  it('goes back to the queue untouched when no slot gets free, and is executed once when one does', async () => {
    const long = await givenFullSlots();
    const ids = await queue.create(many(3, brief('brief')), new Date(Date.now() - 60_000));
    await claimAhead(...ids);
    await reaches(`state = 'pending'`, 3);
    for (const id of ids) expect(await queue.run(id)).toMatchObject(IN_QUEUE);
    expect(await queue.entries()).toEqual(['brief', 'brief', 'brief']);
    expect(await queue.sql('SELECT FROM run_attempts')).toEqual([]);
    expect(started).toEqual([]);
    await cancel(long);
    await reaches(`state = 'succeeded'`, 3);
    expect(started.toSorted()).toEqual(ids);
  });

  it('goes back to the queue untouched when its process stops', async () => {
    await givenFullSlots();
    const ids = await queue.create(many(3, brief('brief')));
    await claimAhead(...ids);
    await get(Worker).stop(0);
    for (const id of ids) expect(await queue.run(id)).toMatchObject(IN_QUEUE);
    expect(await countOf(`state = 'running'`)).toBe(0);
    expect(await queue.entries()).toEqual(['brief', 'brief', 'brief', 'long', 'long', 'long', 'long']);
    expect(await queue.sql(`SELECT FROM run_attempts JOIN runs ON id = run_id WHERE job = 'brief'`)).toEqual([]);
    expect(started).toEqual([]);
  });

  it('goes back to its place in the queue, before those that were ready later', async () => {
    await givenFullSlots();
    const [first] = await queue.create([brief('first')], new Date(Date.now() - 60_000));
    await claimAhead(first!);
    await queue.create([brief('second')], new Date(Date.now() - 30_000));
    await eventually(async () => expect(await queue.entries()).toEqual(['first', 'second']), PATIENCE);
    const other = await queue.replica('other');
    expect(await queue.claimJobs(other, { slots: 1, tasks: ['brief'] })).toEqual(['first']);
  });

  it('goes back to the queue untouched when its process is lost before it has started', async () => {
    await givenFullSlots();
    const [id] = await queue.create([brief('brief')]);
    await claimAhead(id!);
    await queue.sql('UPDATE runs SET replica_number = 0 WHERE id = $1', [id]);
    const reclaim = () =>
      queue.database.transaction((tx) => reclaimOrphans(tx, { number: get(Replicas).number, unstarted: [] }));
    expect(await reclaim()).toMatchObject([{ id, state: 'pending', reason: null, interrupted: false }]);
    // Next time only into a free slot, so that its start is recorded: it may be what has ended the process.
    expect(await queue.sql('SELECT run_id, exclusive FROM run_queue')).toEqual([{ run_id: id, exclusive: true }]);
    expect(await queue.run(id!)).toMatchObject({ ...IN_QUEUE, error: null });
    expect(await queue.sql('SELECT FROM run_attempts')).toEqual([]);
    expect(await queue.entries()).toEqual(['brief']);
  });

  it('is marked as started when it runs, so that the loss of its process is an interruption', async () => {
    await get(Worker).loop.stop();
    const [id] = await queue.create([waitingRun('long', { task: 'wait' })]);
    await claimAhead(id!);
    const claimedAt = (await queue.run(id!))['started_at'] as Date;
    await eventually(async () => expect(await queue.run(id!)).toMatchObject({ claimed_ahead: false }), PATIENCE);
    const marked = await queue.run(id!);
    expect(marked).toMatchObject({ state: 'running', lateness_ms: expect.any(Number) });
    expect((marked['started_at'] as Date).getTime()).toBeGreaterThanOrEqual(claimedAt.getTime());
    expect(marked['lateness_ms']).toBe((marked['started_at'] as Date).getTime() - (marked['due_at'] as Date).getTime());
    await queue.sql('UPDATE runs SET replica_number = 0');
    await queue.database.transaction((tx) => reclaimOrphans(tx, { number: get(Replicas).number, unstarted: [] }));
    expect(await queue.run(id!)).toMatchObject({ state: 'pending', reason: 'worker_lost', interruptions: 1 });
    expect(await queue.sql('SELECT state FROM run_attempts')).toEqual([{ state: 'failed' }]);
  });

  it('and has ended before that was written has its start and its lateness', async () => {
    await get(Worker).loop.stop();
    const [id] = await queue.create([brief('brief')]);
    await claimAhead(id!);
    await reaches(`state = 'succeeded'`, 1);
    const run = await queue.run(id!);
    expect(run).toMatchObject({ claimed_ahead: false, attempt: 1, lateness_ms: expect.any(Number) });
    expect(run['lateness_ms']).toBe((run['started_at'] as Date).getTime() - (run['due_at'] as Date).getTime());
  });
});
