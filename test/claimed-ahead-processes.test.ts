import type { ChildProcess } from 'node:child_process';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { createTestApplication } from './support/application.js';
import { runSql } from './support/run-sql.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { eventually } from './support/eventually.js';
import { forkScript, nextMessage } from './support/fork.js';
import { kill } from './support/kill.js';
import { TestQueue, waitingRun } from './support/queue.js';

const SLOTS = 4;
const RUNS = 1_500;
const PATIENCE = { within: 30_000 };

let database: TestDatabase;
let app: NestExpressApplication;
let queue: TestQueue;
const children: ChildProcess[] = [];

beforeEach(async () => {
  database = await createTestDatabase();
  app = await createTestApplication(database.url);
  queue = new TestQueue(app);
  await runSql(database.url, 'CREATE TABLE public.begun (run uuid, attempt int, pid int)');
});

afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => kill(child, 'SIGKILL')));
  await app.close();
  await database.drop();
});

async function givenProcess(script: string, variables: Record<string, string> = {}): Promise<ChildProcess> {
  const child = forkScript(script, { DATABASE_URL: database.url, SHUTDOWN_GRACE_SECONDS: '5', ...variables });
  children.push(child);
  await nextMessage(child);
  return child;
}

interface Executed {
  id: string;
  job: string;
  state: string;
  attempt: number;
  claimed_ahead: boolean;
  interruptions: number;
  retries_used: number;
  /** How many attempts have a row. */
  ended: number;
  /** How often its task was called. */
  begun: number;
}

/** All runs, in the order of their creation. */
const executed = () =>
  queue.sql<Executed>(
    `SELECT id, job, state, attempt, claimed_ahead, interruptions, retries_used,
       (SELECT count(*)::int FROM run_attempts WHERE run_id = id) AS ended,
       (SELECT count(*)::int FROM public.begun WHERE run = id) AS begun
     FROM runs ORDER BY id`,
  );
const UNTOUCHED = { interruptions: 0, retries_used: 0, ended: 0 };

describe('a process that is killed between claim and start', () => {
  it('leaves the runs that it had claimed ahead untouched, and those behind them too', async () => {
    const first = new Date(Date.now() - 10_000);
    await queue.create(
      Array.from({ length: 4 }, () => waitingRun('rerun', { task: 'hold' })),
      first,
    );
    await queue.createOne(waitingRun('once', { task: 'hold', onInterruption: 'fail' }));
    const claimer = await givenProcess('claiming-process.js', { SLOTS: '1', AHEAD: '3' });
    expect(await executed()).toMatchObject([
      { job: 'rerun', state: 'running', claimed_ahead: false },
      ...Array.from({ length: 3 }, () => ({ job: 'rerun', state: 'running', claimed_ahead: true })),
      { job: 'once', state: 'pending', attempt: 0 },
    ]);
    await givenProcess('service-process.js');
    await kill(claimer, 'SIGKILL');
    await eventually(async () => {
      expect(await executed()).toMatchObject([
        { job: 'rerun', state: 'running', attempt: 2, interruptions: 1, retries_used: 0, ended: 1, begun: 1 },
        ...Array.from({ length: 3 }, () => ({ ...UNTOUCHED, job: 'rerun', state: 'running', attempt: 2, begun: 1 })),
        { ...UNTOUCHED, job: 'once', state: 'running', attempt: 1, begun: 1 },
      ]);
    }, PATIENCE);
  });
});

const givenWorker = () => givenProcess('short-tasks-process.js', { WORKER_CONCURRENCY: String(SLOTS) });

async function givenBacklog(): Promise<void> {
  const first = new Date(Date.now() - 10_000);
  await queue.create(
    Array.from({ length: RUNS - 1 }, () => waitingRun('rerun', { task: 'brief' })),
    first,
  );
  await queue.createOne(waitingRun('once', { task: 'brief', onInterruption: 'fail' }));
}

const isAhead = ({ state, claimed_ahead, begun }: Executed) => state === 'running' && claimed_ahead && begun === 0;

/** Waits until no session of the service is in one of these states. */
const noSessionIs = (...states: string[]) =>
  eventually(async () => {
    const found = await runSql(
      database.url,
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'cronzimus%'
         AND state IN ('${states.join("', '")}')`,
    );
    expect(found).toEqual([]);
  }, PATIENCE);

const states = () => queue.sql('SELECT state, count(*)::int FROM runs GROUP BY state');

/** Stops the process at a moment at which it has claimed runs ahead that it has not begun, and is far from the end. */
async function freeze(child: ChildProcess): Promise<void> {
  await eventually(async () => {
    child.kill('SIGSTOP');
    await noSessionIs('active');
    const runs = await executed();
    try {
      expect(runs.filter(({ begun }) => begun > 0).length).toBeGreaterThan(SLOTS);
      expect(runs.filter(isAhead).length).toBeGreaterThan(0);
    } catch (error) {
      child.kill('SIGCONT');
      throw error;
    }
  }, PATIENCE);
}

describe('a worker with a backlog of short tasks', () => {
  it('that is killed loses no run, and none that it had not started is executed twice', async () => {
    const first = await givenWorker();
    await givenBacklog();
    await freeze(first);
    await kill(first, 'SIGKILL');
    await noSessionIs('active', 'idle in transaction');
    const before = await executed();
    await givenWorker();
    await eventually(async () => expect(await states()).toEqual([{ state: 'succeeded', count: RUNS }]), PATIENCE);

    const after = new Map((await executed()).map((run) => [run.id, run]));
    for (const { id } of before.filter(isAhead))
      expect(after.get(id)).toMatchObject({ ...UNTOUCHED, attempt: 2, begun: 1 });
    // The end of these was not written, although the task of some had returned.
    const unfinished = before.filter(({ state, begun }) => state === 'running' && begun > 0).map(({ id }) => id);
    for (const { id, begun } of after.values()) expect([id, begun]).toEqual([id, unfinished.includes(id) ? 2 : 1]);
    expect([...after.values()].at(-1)).toMatchObject({ ...UNTOUCHED, job: 'once', attempt: 1, begun: 1 });
  });

  it('that is told to end gives back what it has not started, and no run is executed twice', async () => {
    const first = await givenWorker();
    await givenBacklog();
    await freeze(first);
    first.kill('SIGCONT');
    await kill(first, 'SIGTERM');
    expect(first.exitCode).toBe(0);
    const between = await executed();
    for (const run of between) expect(run).toMatchObject(UNTOUCHED);
    const waiting = between.filter(({ state }) => state === 'pending');
    expect(waiting.filter(({ begun }) => begun > 0)).toEqual([]);
    expect(between.filter(({ state }) => state === 'succeeded')).toHaveLength(RUNS - waiting.length);
    expect(await queue.entries()).toHaveLength(waiting.length);
    await givenWorker();
    await eventually(async () => expect(await states()).toEqual([{ state: 'succeeded', count: RUNS }]), PATIENCE);
    for (const run of await executed()) expect(run).toMatchObject({ ...UNTOUCHED, begun: 1 });
  });
});
