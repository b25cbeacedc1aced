import type { ChildProcess } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { serve } from '../src/application.js';
import { ENVIRONMENT, type Environment } from '../src/config/environment.js';
import { SCHEDULER } from '../src/database/data-source.js';
import type { Job } from '../src/jobs/definition/job.entity.js';
import { createTestApplication } from './support/application.js';
import { runSql } from './support/run-sql.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { eventually } from './support/eventually.js';
import { forkScript, nextMessage } from './support/fork.js';
import { givenJobs } from './support/jobs.js';
import { kill } from './support/kill.js';
import { finishedJob } from './support/service.js';
import { TestTasksModule } from './support/tasks.js';

interface Replica {
  url: string;
  leave: () => Promise<void>;
}

let database: TestDatabase;
let observer: NestExpressApplication;
const replicas = new Set<Replica>();
const children: ChildProcess[] = [];

beforeEach(async () => {
  database = await createTestDatabase();
  observer = await createTestApplication(database.url);
});

afterEach(async () => {
  await Promise.all([...replicas].map((replica) => replica.leave()));
  await Promise.all(children.splice(0).map((child) => kill(child, 'SIGKILL')));
  await observer.close();
  await database.drop();
});

/** A service with these roles. Several share the database. */
async function givenReplica(ROLES: string, variables: Record<string, string> = {}): Promise<Replica> {
  const app = await createTestApplication(database.url, { ROLES, SHUTDOWN_GRACE_SECONDS: '0', ...variables }, [
    TestTasksModule,
  ]);
  const drain = await serve(app, app.get<Environment>(ENVIRONMENT, { strict: false }));
  const replica = {
    url: await app.getUrl(),
    leave: async () => {
      replicas.delete(replica);
      await drain();
      await app.close();
    },
  };
  replicas.add(replica);
  return replica;
}

/** The same in a process of its own, which can be killed. */
async function givenProcess(ROLES: string): Promise<ChildProcess> {
  const child = forkScript('service-process.js', { DATABASE_URL: database.url, ROLES });
  children.push(child);
  await nextMessage(child);
  return child;
}

async function call(replica: Replica, method: string, path: string) {
  const response = await fetch(replica.url + path, { method, headers: { 'X-Cronzimus-Request': '1' } });
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown>,
  };
}

const given = (...jobs: Job[]) => givenJobs(observer.get(getDataSourceToken(SCHEDULER), { strict: false }), jobs);
const runsOf = (job: string) => runSql(database.url, `SELECT * FROM cronzimus.runs WHERE job = '${job}' ORDER BY id`);
const jobs = () => runSql(database.url, `SELECT * FROM cronzimus.jobs WHERE source = 'file' ORDER BY name`);
const declarations = () =>
  runSql(
    database.url,
    'SELECT roles, code_jobs IS NOT NULL AS code, file_jobs AS file FROM cronzimus.replicas ORDER BY number',
  );

/** A job that fell due a second ago. */
function dueJob(name: string): Job {
  const at = new Date(Date.now() - 1_000);
  const trigger = { type: 'date', at: at.toISOString() } as const;
  return finishedJob(name, 'echo', { input: { text: 'x' }, trigger, nextOccurrenceAt: at, nextRunAt: at });
}

/** Waits this many seconds of the database's clock, in which each loop of one second has turned. */
async function secondsPass(seconds: number): Promise<void> {
  const [start] = await runSql(database.url, 'SELECT now() AS at');
  const since = (start!['at'] as Date).toISOString();
  await eventually(async () => {
    const [look] = await runSql(
      database.url,
      `SELECT now() > '${since}'::timestamptz + interval '${seconds} s' AS over`,
    );
    expect(look).toEqual({ over: true });
  });
}

/** Waits for an attempt of the task `hold`, and returns the pid of the process that began it. */
const pidOf = (attempt: number) =>
  eventually(
    async () => {
      const [begun] = await runSql(database.url, `SELECT pid FROM public.begun WHERE attempt = ${attempt}`);
      expect(begun).toBeDefined();
      return begun!['pid'];
    },
    { within: 60_000 },
  );

/** Writes a jobs file for each list of names, and returns the paths. */
const files = async (...sets: string[][]) =>
  Promise.all(
    sets.map(async (names, index) => {
      const path = join(process.env['TEST_SCRATCH']!, `roles-${process.pid}-${index}.json`);
      const job = { task: 'wait', trigger: { type: 'interval', everySeconds: 3600 } };
      await writeFile(path, JSON.stringify({ jobs: Object.fromEntries(names.map((name) => [name, job])) }));
      return path;
    }),
  );

/** A worker that has begun a run of the task `hold`. */
async function givenBusyWorker(): Promise<ChildProcess> {
  await runSql(database.url, 'CREATE TABLE public.begun (run uuid, attempt int, pid int)');
  await given(finishedJob('held', 'hold'));
  const api = await givenReplica('api');
  await call(api, 'POST', '/api/v1/jobs/held/run');
  const worker = await givenProcess('worker');
  await pidOf(1);
  return worker;
}

describe('a process without the role api', () => {
  it('returns ROLE_OFF for the API and its documentation, and serves its probes', async () => {
    const replica = await givenReplica('scheduler,worker');
    const base = [
      '/api/v1',
      '/api/v1/jobs',
      '/API/v1/jobs/x?limit=900',
      '/api/v1/no/such',
      '/docs',
      '/docs/',
      '/docs-json',
    ];
    for (const path of base) {
      const { status, headers, body } = await call(replica, 'GET', path);
      expect([path, status, body['code']]).toEqual([path, 404, 'ROLE_OFF']);
      expect(headers.get('content-type')).toBe('application/problem+json');
      expect(body['detail']).toContain('add api to ROLES');
    }
    expect(await call(replica, 'POST', '/api/v1/scheduler/pause')).toMatchObject({ status: 404 });
    expect(await runSql(database.url, 'SELECT paused FROM cronzimus.scheduler')).toEqual([{ paused: false }]);
    for (const path of ['/health', '/health/live', '/health/ready'])
      expect(await call(replica, 'GET', path)).toMatchObject({ status: 200, body: { status: 'ok' } });
    expect((await call(replica, 'GET', '/nothing')).body).toMatchObject({ status: 404, code: 'NOT_FOUND' });
  });
});

describe('a fleet of one role each', () => {
  it('dispatches in the scheduler only, runs tasks in the worker only, and shows the roles', async () => {
    await given(dueJob('due'), finishedJob('by-hand', 'echo', { input: { text: 'x' } }));
    const api = await givenReplica('api');
    await call(api, 'POST', '/api/v1/jobs/by-hand/run');
    const worker = await givenReplica('worker');
    await eventually(async () => expect(await runsOf('by-hand')).toMatchObject([{ state: 'succeeded' }]));
    await secondsPass(2);
    expect(await runsOf('due')).toEqual([]);
    await worker.leave();

    await givenReplica('scheduler');
    await eventually(async () => expect(await runsOf('due')).toMatchObject([{ state: 'pending' }]));
    await secondsPass(2);
    expect(await runsOf('due')).toMatchObject([{ state: 'pending' }]);
    await givenReplica('worker');
    await eventually(async () => expect(await runsOf('due')).toMatchObject([{ state: 'succeeded' }]));

    const { body } = await call(api, 'GET', '/api/v1/scheduler');
    expect(body['replicas']).toMatchObject([{ roles: ['api'] }, { roles: ['scheduler'] }, { roles: ['worker'] }]);
    for (const replica of replicas)
      expect(await call(replica, 'GET', '/health/ready')).toMatchObject({ status: 200, body: { status: 'ok' } });
    expect((await call(api, 'GET', '/health')).body['details']).not.toHaveProperty('clock');
  });

  it('stops a run that is cancelled over the API on the worker that executes it', async () => {
    await given(finishedJob('long', 'wait'));
    const api = await givenReplica('api');
    await givenReplica('worker');
    const { id } = (await call(api, 'POST', '/api/v1/jobs/long/run')).body;
    await eventually(async () => expect(await runsOf('long')).toMatchObject([{ state: 'running' }]));
    await call(api, 'POST', `/api/v1/runs/${String(id)}/cancel`);
    await eventually(async () => expect(await runsOf('long')).toMatchObject([{ state: 'cancelled', reason: 'user' }]));
  });
});

describe('a worker that is killed', () => {
  it('is detected by a scheduler when there is no other worker', async () => {
    const worker = await givenBusyWorker();
    await givenReplica('scheduler');
    await kill(worker, 'SIGKILL');
    await eventually(async () =>
      expect(await runsOf('held')).toMatchObject([{ state: 'pending', reason: 'worker_lost' }]),
    );
    const next = await givenProcess('worker');
    expect(await pidOf(2)).toBe(next.pid);
  });

  it('is detected by another worker when there is no scheduler', async () => {
    const worker = await givenBusyWorker();
    const other = await givenProcess('worker');
    await kill(worker, 'SIGKILL');
    expect(await pidOf(2)).toBe(other.pid);
  });
});

describe('the jobs of a jobs file', () => {
  it('stay unchanged while processes of other roles come and go, and schedulers replace each other', async () => {
    const [both] = await files(['a', 'b']);
    const scheduler = await givenReplica('scheduler', { JOBS_FILE: both! });
    const before = await jobs();
    expect(before).toHaveLength(2);
    // Only schedulers read the file.
    const worker = await givenReplica('worker', { JOBS_FILE: '/no/such/file' });
    const api = await givenReplica('api', { JOBS_FILE: '/no/such/file' });
    expect(await declarations()).toEqual([
      { roles: ['scheduler'], code: true, file: ['a', 'b'] },
      { roles: ['worker'], code: false, file: null },
      { roles: ['api'], code: false, file: null },
    ]);
    await scheduler.leave();
    await worker.leave();
    await givenReplica('worker');
    expect(await jobs()).toEqual(before);

    const next = await givenReplica('scheduler', { JOBS_FILE: both! });
    await givenReplica('scheduler', { JOBS_FILE: both! });
    await next.leave();
    await api.leave();
    expect(await jobs()).toEqual(before);
  });

  it('are deleted when no live scheduler declares them, whatever other processes have', async () => {
    const [both, one] = await files(['a', 'b'], ['a']);
    const old = await givenReplica('scheduler', { JOBS_FILE: both! });
    await givenReplica('api,worker', { JOBS_FILE: both! });
    await givenReplica('scheduler', { JOBS_FILE: one! });
    expect(await jobs()).toHaveLength(2);
    await old.leave();
    await eventually(async () => expect(await jobs()).toMatchObject([{ name: 'a' }]));
  });
});
