import type { NestExpressApplication } from '@nestjs/platform-express';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { PinoLogger } from 'nestjs-pino';
import { SCHEDULER } from '../src/database/data-source.js';
import { SchedulerDatabase } from '../src/database/scheduler-database.js';
import { JobsService } from '../src/jobs/api/jobs.service.js';
import { Replicas } from '../src/replicas/replicas.js';
import { cancelRuns } from '../src/runs/lifecycle/cancel-runs.js';
import { type ClaimedRun, claimRuns } from '../src/runs/lifecycle/claim-runs.js';
import { givenBack, outcomeOf, type UnwrittenResult } from '../src/runs/lifecycle/outcome.js';
import { reclaimOrphans } from '../src/runs/lifecycle/reclaim-runs.js';
import { RunMetrics } from '../src/runs/worker/run-metrics.js';
import { Settler } from '../src/runs/worker/settler.js';
import { Proxy } from './faults/proxy.js';
import { createTestApplication } from './support/application.js';
import { runSql } from './support/run-sql.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { ANONYMOUS, givenJobs, jobRow } from './support/jobs.js';
import { scrape } from './support/scrape.js';

let database: TestDatabase;
let proxy: Proxy;
let app: NestExpressApplication;
let settler: Settler;
/** How many results this process has refused, and how many runs it has ended, by its metrics at the start of a test. */
let before: { refused: number; ended: number };

beforeAll(async () => {
  database = await createTestDatabase();
  proxy = await Proxy.to(database.url);
  app = await createTestApplication(proxy.url);
  await replicas().join();
  await app.listen(0, '127.0.0.1');
  const silent = { debug() {}, info() {}, warn() {}, error() {} } as unknown as PinoLogger;
  settler = new Settler(scheduler(), app.get(RunMetrics, { strict: false }), silent);
  settler.startWriting();
});

beforeEach(async () => {
  await runSql(database.url, 'TRUNCATE cronzimus.jobs, cronzimus.runs CASCADE; TRUNCATE cronzimus.run_queue');
  before = await counted();
});

afterAll(async () => {
  await settler.stop();
  await replicas().leave();
  await app.close();
  await proxy.close();
  await database.drop();
});

const scheduler = () => app.get(SchedulerDatabase, { strict: false });
const replicas = () => app.get(Replicas, { strict: false });

/** Claims all queued runs, as a worker does. */
async function claim(): Promise<ClaimedRun[]> {
  const capacity = {
    slots: 10,
    ahead: 0,
    transactional: 10,
    background: { slots: 0, transactional: 0 },
    suspects: 1,
    tasks: ['task', 'echo', 'hold'],
    transactionalTasks: [],
    readySince: null,
  };
  const { number, name } = replicas();
  return (await scheduler().transaction((tx) => claimRuns(tx, capacity, { number, name }))).runs;
}

/** A running run with one retry. */
async function givenRunning(): Promise<ClaimedRun> {
  const retry = { limit: 1, delaySeconds: 0, backoff: 'fixed', maxDelaySeconds: 0 } as const;
  const job = jobRow('job', { retry, nextOccurrenceAt: null, nextRunAt: null });
  await givenJobs(app.get(getDataSourceToken(SCHEDULER), { strict: false }), [job]);
  await app.get(JobsService, { strict: false }).runNow('job', ANONYMOUS);
  const [run] = await claim();
  return run!;
}

const succeeded: UnwrittenResult = { state: 'succeeded', output: '{"a":1}' };
const failed: UnwrittenResult = {
  state: 'failed',
  error: { name: 'Error', message: 'boom', stack: 'at ü' },
  final: false,
};
const settle = (run: ClaimedRun, result: UnwrittenResult, interruption: 'shutdown' | null = null) =>
  settler.settle(outcomeOf(run, result, interruption, 0));
const theRun = async () => (await runSql(database.url, 'SELECT * FROM cronzimus.runs'))[0]!;
const attempts = () => runSql(database.url, 'SELECT number, state FROM cronzimus.run_attempts ORDER BY number');

/** The sums of the two counters of ends. */
async function counted() {
  const series = await scrape(await app.getUrl());
  const sum = (name: string) => series.get(`cronzimus_${name}`)!.samples.reduce((total, { value }) => total + value, 0);
  return { refused: sum('results_refused_total'), ended: sum('runs_total') };
}

/** What this process has counted in this test. */
async function counts() {
  const { refused, ended } = await counted();
  return { refused: refused - before.refused, ended: ended - before.ended };
}

it('a run that is given back before it has started has no lateness, and one that had an attempt before keeps its own', async () => {
  const run = await givenRunning();
  expect(run.latenessMs).not.toBeNull();
  await settler.settle(givenBack(run));
  expect(await theRun()).toMatchObject({ state: 'pending', started_at: null, lateness_ms: null });

  const [again] = await claim();
  await settle(again!, failed);
  const { lateness_ms: latenessMs } = await theRun();
  expect(latenessMs).not.toBeNull();
  const [retried] = await claim();
  await settler.settle(givenBack(retried!));
  expect(await theRun()).toMatchObject({ lateness_ms: latenessMs });
});

describe('a result whose COMMIT got no response', () => {
  it.each<[string, UnwrittenResult, 'shutdown' | null, object, object[], number]>([
    ['a success', succeeded, null, { state: 'succeeded', attempt: 1, output: { a: 1 }, retries_used: 0 }, [], 1],
    [
      'a failure that is retried',
      failed,
      null,
      { state: 'retrying', attempt: 1, retries_used: 1 },
      [{ number: 1, state: 'failed' }],
      0,
    ],
    [
      'an attempt that a shutdown hands back',
      failed,
      'shutdown',
      { state: 'pending', reason: 'shutdown', retries_used: 0 },
      [{ number: 1, state: 'failed' }],
      0,
    ],
  ])('is written once, and is not refused as stale: %s', async (_case, result, interruption, row, rows, ends) => {
    const run = await givenRunning();
    const lost = proxy.loseCommitOf('WITH outcome AS');
    await settle(run, result, interruption);
    await lost;
    expect(await theRun()).toMatchObject(row);
    expect(await attempts()).toEqual(rows);
    expect(await counts()).toEqual({ refused: 0, ended: ends });
  });

  it('is recognised when the next attempt has already begun', async () => {
    const run = await givenRunning();
    await settle(run, failed);
    expect(await claim()).toMatchObject([{ id: run.id, attempt: 2 }]);
    await settle(run, failed);
    expect(await theRun()).toMatchObject({ state: 'running', attempt: 2, retries_used: 1 });
    expect(await counts()).toEqual({ refused: 0, ended: 0 });
  });

  it('is recognised when the run was to be cancelled', async () => {
    const run = await givenRunning();
    await scheduler().transaction((tx) => cancelRuns(tx, [run.id], 'user'));
    await settle(run, failed);
    await settle(run, failed);
    expect(await theRun()).toMatchObject({ state: 'cancelled', reason: 'user' });
    expect((await counts()).refused).toBe(0);
  });

  it('is recognised by its success when a transactional attempt has lost its connection', async () => {
    const run = await givenRunning();
    await settle(run, succeeded);
    await settle(run, failed);
    expect(await theRun()).toMatchObject({ state: 'succeeded', error: null });
    expect((await counts()).refused).toBe(0);
  });
});

describe('a stale result is refused, and counted as refused', () => {
  it('when the run has been started again', async () => {
    const run = await givenRunning();
    await runSql(database.url, 'UPDATE cronzimus.runs SET attempt = attempt + 1');
    await settle(run, succeeded);
    expect(await theRun()).toMatchObject({ state: 'running', attempt: 2, output: null });
    expect(await counts()).toEqual({ refused: 1, ended: 0 });
  });

  it.each([
    ['is pending again', 'rerun', succeeded, { state: 'pending', reason: 'worker_lost' }],
    ['failed as its attempt did', 'fail', failed, { state: 'failed', reason: 'worker_lost' }],
  ])('when others considered its process dead, and the run %s', async (_case, onInterruption, result, row) => {
    const run = await givenRunning();
    await runSql(database.url, `UPDATE cronzimus.runs SET on_interruption = '${onInterruption}', replica_number = 0`);
    await scheduler().transaction((tx) => reclaimOrphans(tx, { number: replicas().number, unstarted: [] }));
    await settle(run, result);
    expect(await theRun()).toMatchObject({ ...row, attempt: 1, output: null });
    expect(await counts()).toEqual({ refused: 1, ended: 0 });
  });

  it('when the run was deleted', async () => {
    const run = await givenRunning();
    await runSql(database.url, 'DELETE FROM cronzimus.runs');
    await settle(run, succeeded);
    expect(await runSql(database.url, 'SELECT FROM cronzimus.runs')).toEqual([]);
    expect(await counts()).toEqual({ refused: 1, ended: 0 });
  });
});
