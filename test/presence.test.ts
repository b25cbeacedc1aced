import type { ChildProcess } from 'node:child_process';
import { getDataSourceToken } from '@nestjs/typeorm';
import { SCHEDULER } from '../src/database/data-source.js';
import { JobsService } from '../src/jobs/api/jobs.service.js';
import { Replicas } from '../src/replicas/replicas.js';
import { reclaimOrphans } from '../src/runs/lifecycle/reclaim-runs.js';
import { Executor } from '../src/runs/worker/executor.js';
import { Worker } from '../src/runs/worker/worker.js';
import { createTestApplication } from './support/application.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { eventually } from './support/eventually.js';
import { forkScript, nextMessage } from './support/fork.js';
import { ANONYMOUS, givenJobs, jobRow } from './support/jobs.js';
import { kill } from './support/kill.js';
import { TestQueue, waitingRun } from './support/queue.js';
import { runSql } from './support/run-sql.js';
import { finishedJob, TestService } from './support/service.js';
import { Proxy } from './faults/proxy.js';

const serverUrl = () => process.env['TEST_DATABASE_URL']!;
const nameOf = (url: string) => new URL(url).pathname.slice(1);

/** Resolves when so many seconds have passed for the database. */
async function seconds(count: number): Promise<void> {
  const [row] = await runSql(serverUrl(), `SELECT clock_timestamp() + interval '${count} s' AS at`);
  const until = (row!['at'] as Date).toISOString();
  await eventually(
    async () =>
      expect(await runSql(serverUrl(), `SELECT clock_timestamp() > '${until}' AS over`)).toEqual([{ over: true }]),
    { within: 60_000, every: 250 },
  );
}

describe('live replicas', () => {
  let database: TestDatabase;
  let proxy: Proxy;
  const children: ChildProcess[] = [];
  const addresses = new Map<ChildProcess, string>();

  beforeEach(async () => {
    database = await createTestDatabase();
    proxy = await Proxy.to(database.url);
    await runSql(database.url, 'CREATE TABLE public.begun (run uuid, attempt int, pid int)');
  });
  afterEach(async () => {
    await Promise.all(children.splice(0).map((child) => kill(child, 'SIGKILL')));
    await proxy.close();
    await database.drop();
  });

  async function givenReplica(variables: Record<string, string> = {}): Promise<ChildProcess> {
    const child = forkScript('service-process.js', { DATABASE_URL: database.url, LOG_LEVEL: 'fatal', ...variables });
    children.push(child);
    addresses.set(child, await nextMessage(child));
    return child;
  }

  /** Two replicas, of which the first executes two runs: one of each policy. */
  async function givenTwo(variables: Record<string, string> = {}): Promise<[ChildProcess, ChildProcess]> {
    const app = await createTestApplication(database.url);
    try {
      const jobs = (['rerun', 'fail'] as const).map((onInterruption) =>
        jobRow(onInterruption, { nextOccurrenceAt: null, nextRunAt: null, onInterruption }),
      );
      await givenJobs(app.get(getDataSourceToken(SCHEDULER), { strict: false }), jobs);
      for (const { name } of jobs) await app.get(JobsService, { strict: false }).runNow(name, ANONYMOUS);
    } finally {
      await app.close();
    }
    const first = await givenReplica(variables);
    await eventually(async () => expect(await begun()).toHaveLength(2));
    const second = await givenReplica(variables);
    return [first, second];
  }

  const begun = () => runSql(database.url, 'SELECT run, attempt, pid FROM public.begun ORDER BY attempt, run');
  const numbers = () => runSql(database.url, 'SELECT number FROM cronzimus.replicas ORDER BY number');
  const runs = () => runSql(database.url, 'SELECT job, state, attempt, interruptions FROM cronzimus.runs ORDER BY job');
  const UNTOUCHED = ['fail', 'rerun'].map((job) => ({ job, state: 'running', attempt: 1, interruptions: 0 }));

  const locks = () =>
    runSql(
      database.url,
      `SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = database
       WHERE locktype = 'advisory' AND objsubid = 2 AND datname = current_database() AND granted`,
    );

  const endSessions = (condition = 'true') =>
    runSql(
      serverUrl(),
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${nameOf(database.url)}' AND ${condition}`,
    );

  /** Changes a setting of the database. Only new sessions have it. */
  async function set(change: string): Promise<void> {
    await runSql(serverUrl(), `ALTER DATABASE ${nameOf(database.url)} ${change}`);
    await endSessions();
  }

  it('keep their runs when their presence sessions are refused and their pools work', async () => {
    await givenTwo({ DATABASE_DIRECT_URL: proxy.url });
    const before = await numbers();
    proxy.refuse();
    await eventually(async () => expect(await locks()).toEqual([]));
    await seconds(6);
    expect(await numbers()).toEqual(before);
    expect(await runs()).toEqual(UNTOUCHED);
    expect(await begun()).toHaveLength(2);
  });

  it('keep their runs when their presence sessions are cut and no other connection can be opened', async () => {
    await givenTwo();
    const before = await numbers();
    await runSql(serverUrl(), `ALTER DATABASE ${nameOf(database.url)} CONNECTION LIMIT 0`);
    await endSessions(`application_name = 'cronzimus session'`);
    await seconds(6);
    await runSql(serverUrl(), `ALTER DATABASE ${nameOf(database.url)} CONNECTION LIMIT -1`);
    expect(await numbers()).toEqual(before);
    expect(await runs()).toEqual(UNTOUCHED);
    expect(await begun()).toHaveLength(2);
  });

  it('keep their runs while the database is read-only, and /health says so', async () => {
    const [first] = await givenTwo();
    const before = await numbers();
    const health = async (path: string) => {
      const response = await fetch(`${addresses.get(first)}${path}`);
      return { status: response.status, body: await response.json() };
    };
    await set('SET default_transaction_read_only TO on');
    await eventually(async () =>
      expect(await health('/health')).toMatchObject({
        status: 503,
        body: { error: { database: { status: 'down', message: 'cannot be written to: it is read-only' } } },
      }),
    );
    expect(await health('/health/ready')).toMatchObject({ status: 200 });
    await seconds(12);
    expect(await runs()).toEqual(UNTOUCHED);
    await set('RESET default_transaction_read_only');
    await eventually(async () => expect(await health('/health')).toMatchObject({ status: 200 }));
    await seconds(3);
    expect(await numbers()).toEqual(before);
    expect(await runs()).toEqual(UNTOUCHED);
    expect(await begun()).toHaveLength(2);
  });

  it('take over the runs of a killed one while its presence session was refused', async () => {
    const [first, second] = await givenTwo({ DATABASE_DIRECT_URL: proxy.url });
    proxy.refuse();
    await eventually(async () => expect(await locks()).toEqual([]));
    await kill(first, 'SIGKILL');
    await eventually(async () => expect(await begun()).toMatchObject([{}, {}, { attempt: 2, pid: second.pid }]));
    await eventually(async () =>
      expect(await runs()).toMatchObject([
        { job: 'fail', state: 'failed', attempt: 1 },
        { job: 'rerun', state: 'running', attempt: 2, interruptions: 1 },
      ]),
    );
  });
});

describe('a process that others may have declared dead', () => {
  let service: TestService;
  let queue: TestQueue;
  beforeEach(async () => {
    service = await TestService.start();
    queue = new TestQueue(service.app);
  });
  afterEach(() => service.stop());

  const get = <T>(type: new (...args: never[]) => T): T => service.app.get<T>(type, { strict: false });

  it('takes over nothing, not even its own runs, once its row is gone', async () => {
    const number = get(Replicas).number;
    await get(Replicas).heart.stop();
    await service.given(
      finishedJob('once', 'wait', { onInterruption: 'fail' }),
      finishedJob('again', 'wait', { onInterruption: 'rerun' }),
    );
    for (const job of ['once', 'again']) await service.run(job, 'running');
    await queue.sql('DELETE FROM replicas');
    expect(await queue.database.transaction((tx) => reclaimOrphans(tx, { number, unstarted: [] }))).toEqual([]);
    // Another replica may. It cannot know whether the task has started.
    const other = await queue.replica('other');
    const reclaimed = await queue.database.transaction((tx) =>
      reclaimOrphans(tx, { number: other.number, unstarted: [] }),
    );
    expect(reclaimed.map(({ job, state }) => [job, state]).toSorted(([a], [b]) => a!.localeCompare(b!))).toEqual([
      ['again', 'pending'],
      ['once', 'failed'],
    ]);
    get(Replicas).heart.start();
  });

  it('never starts a run that it has claimed meanwhile, and returns it to the queue', async () => {
    await get(Worker).loop.stop();
    const replicas = get(Replicas);
    await replicas.heart.stop();
    await eventually(() => expect(replicas.silent).toBe(true));
    const ids = await queue.create([
      waitingRun('rerun', { task: 'wait' }),
      waitingRun('fail', { task: 'wait', onInterruption: 'fail' }),
    ]);
    const { runs } = await queue.claim(replicas, { tasks: ['wait'] });
    expect(runs).toHaveLength(2);
    get(Executor).accept(runs);
    await eventually(async () => {
      for (const id of ids) expect(await queue.run(id)).toMatchObject({ state: 'pending', interruptions: 0 });
    });
    expect(await queue.sql('SELECT FROM run_attempts')).toEqual([]);
    replicas.heart.start();
    get(Worker).loop.start();
    for (const id of ids) await service.reaches(id, 'running');
  });
});

describe('a run with onInterruption fail', () => {
  it('ends as failed when its replica is gone, even if it were marked as claimed ahead', async () => {
    const service = await TestService.start();
    try {
      const queue = new TestQueue(service.app);
      const other = await queue.replica('other');
      const id = await queue.createOne(waitingRun('once', { onInterruption: 'fail' }));
      await queue.claim(other);
      await queue.sql('UPDATE runs SET claimed_ahead = true WHERE id = $1', [id]);
      await queue.sql(`DELETE FROM replicas WHERE name = 'other'`);
      const { number } = service.app.get(Replicas, { strict: false });
      await queue.database.transaction((tx) => reclaimOrphans(tx, { number, unstarted: [] }));
      expect(await queue.run(id)).toMatchObject({ state: 'failed', reason: 'worker_lost' });
    } finally {
      await service.stop();
    }
  });
});
