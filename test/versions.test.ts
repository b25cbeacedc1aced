import type { ChildProcess } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { getDataSourceToken } from '@nestjs/typeorm';
import { SCHEDULER } from '../src/database/data-source.js';
import { JobsService } from '../src/jobs/api/jobs.service.js';
import { createTestApplication } from './support/application.js';
import { runSql } from './support/run-sql.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { eventually } from './support/eventually.js';
import { forkScript, nextMessage } from './support/fork.js';
import { ANONYMOUS, givenJobs, jobRow } from './support/jobs.js';
import { kill } from './support/kill.js';

/** The old build has the tasks x and y, and declares the jobs a and b. The new build has y with an input and z, and declares another a,
 *  and c. */
type Build = 'old' | 'new';

let database: TestDatabase;
let app: NestExpressApplication;
const children: ChildProcess[] = [];
const urls = new Map<ChildProcess, string>();

beforeEach(async () => {
  database = await createTestDatabase();
  app = await createTestApplication(database.url);
  await runSql(database.url, 'CREATE TABLE public.ran (run uuid, task text, build text)');
});

afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => kill(child, 'SIGKILL')));
  await app.close();
  await database.drop();
});

async function givenReplica(build: Build, variables: Record<string, string> = {}): Promise<ChildProcess> {
  const child = forkScript('build-process.js', { DATABASE_URL: database.url, BUILD: build, ...variables });
  children.push(child);
  urls.set(child, await nextMessage(child));
  return child;
}

async function call(replica: ChildProcess, method: string, path: string, body?: object) {
  const headers = { 'Content-Type': 'application/json' };
  const sent = { headers, ...(body && { body: JSON.stringify(body) }) };
  const response = await fetch(`${urls.get(replica)}/api/v1${path}`, { method, ...sent });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

/** Makes each replica sweep three times the jobs that nobody declares, as it does every 10 s. */
async function sweep(...replicas: ChildProcess[]): Promise<void> {
  for (const child of [...replicas, ...replicas, ...replicas]) {
    const swept = nextMessage(child);
    child.send('sweep');
    await swept;
  }
}

const jobs = () =>
  runSql(
    database.url,
    `SELECT id, name, description, version, next_run_at, updated_at FROM cronzimus.jobs WHERE name NOT IN ('prune-runs', 'ledger.check') ORDER BY name`,
  );
const names = async () => (await jobs()).map(({ name }) => name);
const replicas = () => runSql(database.url, 'SELECT number, code_jobs FROM cronzimus.replicas ORDER BY number');

describe('a job that two builds declare differently', () => {
  it('changes once, to the definition of the replica that started last, however long both live', async () => {
    const before = await givenReplica('old');
    const [a, b] = await jobs();
    expect(a).toMatchObject({ name: 'a', description: 'old', version: 1 });
    const after = await givenReplica('new');
    const both = await jobs();
    expect(both).toEqual([
      { ...a, description: 'new', version: 2, updated_at: expect.any(Date) },
      b,
      expect.objectContaining({ name: 'c', version: 1 }),
    ]);
    await sweep(before, after);
    expect(await jobs()).toEqual(both);
  });

  it('has the definition of the replica that started last, even when that is the old build', async () => {
    await givenReplica('new');
    await givenReplica('old');
    expect((await jobs())[0]).toMatchObject({ name: 'a', description: 'old', version: 2 });
  });

  it('stays unchanged when a replica is considered dead and joins again', async () => {
    const before = await givenReplica('old');
    const after = await givenReplica('new');
    const [a] = await jobs();
    const [{ number }] = (await replicas()) as [Record<string, unknown>];
    await runSql(database.url, `DELETE FROM cronzimus.replicas WHERE number = ${String(number)}`);
    await eventually(async () =>
      expect(await replicas()).toMatchObject([{}, { code_jobs: ['a', 'b', 'ledger.check', 'prune-runs'] }]),
    );
    await sweep(before, after);
    expect((await jobs())[0]).toEqual(a);
  });
});

describe('a job that only one build declares', () => {
  it('stays while a replica of that build lives, and is deleted with the last one', async () => {
    const [first, second] = [await givenReplica('old'), await givenReplica('old')];
    const after = await givenReplica('new');
    await sweep(first, second, after);
    expect(await names()).toEqual(['a', 'b', 'c']);
    await kill(first, 'SIGTERM');
    await sweep(second, after);
    expect(await names()).toEqual(['a', 'b', 'c']);
    await kill(second, 'SIGKILL');
    await eventually(async () => expect(await replicas()).toHaveLength(1));
    await sweep(after);
    expect(await jobs()).toMatchObject([{ name: 'a', description: 'new', version: 2 }, { name: 'c' }]);
  });

  it('comes back when its replica was considered dead, even when the first try to declare it fails', async () => {
    const before = await givenReplica('old');
    const after = await givenReplica('new');
    await runSql(
      database.url,
      `CREATE SEQUENCE public.refused;
       CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN PERFORM nextval('public.refused'); RAISE 'not now'; END $$;
       CREATE TRIGGER refuse BEFORE UPDATE OF code_jobs ON cronzimus.replicas FOR EACH ROW EXECUTE FUNCTION public.refuse();
       DELETE FROM cronzimus.replicas WHERE code_jobs @> '{b}'`,
    );
    await sweep(after);
    expect(await names()).toEqual(['a', 'c']);
    await eventually(async () =>
      expect(await runSql(database.url, 'SELECT FROM public.refused WHERE is_called')).toHaveLength(1),
    );
    await runSql(database.url, 'DROP TRIGGER refuse ON cronzimus.replicas');
    await eventually(async () => expect(await names()).toEqual(['a', 'b', 'c']));
    await sweep(before, after);
    expect(await jobs()).toMatchObject([{ description: 'new', version: 2 }, { name: 'b' }, { name: 'c' }]);
  });
});

const ran = () => runSql(database.url, 'SELECT task, build FROM public.ran');
const givenRuns = async (task: string) => {
  const job = jobRow('many', { task, overlap: 'allow', nextOccurrenceAt: null, nextRunAt: null });
  await givenJobs(app.get(getDataSourceToken(SCHEDULER), { strict: false }), [job]);
  for (let run = 0; run < 5; run += 1) await app.get(JobsService, { strict: false }).runNow('many', ANONYMOUS);
};
const someArePutBack = async () => {
  const tickets = await runSql(database.url, 'SELECT FROM cronzimus.run_queue');
  expect(tickets).not.toEqual([]);
};

describe('a run of a task that only one build knows', () => {
  it.each<[Build, string, Build]>([
    ['old', 'x', 'new'],
    ['new', 'z', 'old'],
  ])('waits for the %s build, which has the task %s, while only the %s build lives', async (build, task, other) => {
    await givenReplica(other);
    await givenRuns(task);
    await eventually(someArePutBack);
    expect(await runSql(database.url, `SELECT DISTINCT state, attempt FROM cronzimus.runs`)).toEqual([
      { state: 'pending', attempt: 0 },
    ]);
    await givenReplica(build);
    await eventually(async () => expect(await ran()).toEqual(Array.from({ length: 5 }, () => ({ task, build }))));
  });

  it('goes to that build while both live, and a run of a task of both builds goes to either', async () => {
    await Promise.all([givenReplica('old'), givenReplica('new')]);
    for (const task of ['x', 'z', 'y']) {
      await givenRuns(task);
      await runSql(database.url, `UPDATE cronzimus.jobs SET name = name || '-${task}' WHERE name = 'many'`);
    }
    await eventually(async () => expect(await ran()).toHaveLength(15));
    const builds = await runSql(
      database.url,
      `SELECT task, array_agg(DISTINCT build) AS builds FROM public.ran WHERE task <> 'y' GROUP BY 1 ORDER BY 1`,
    );
    expect(builds).toEqual([
      { task: 'x', builds: ['old'] },
      { task: 'z', builds: ['new'] },
    ]);
    await eventually(async () =>
      expect(await runSql(database.url, `SELECT DISTINCT state, attempt FROM cronzimus.runs`)).toEqual([
        { state: 'succeeded', attempt: 1 },
      ]),
    );
  });
});

const builtIn = ['check-ledger', 'deliver-alert', 'http', 'prune-runs', 'sql', 'table-sizes'];
const tasksAt = async (replica: ChildProcess) =>
  (await call(replica, 'GET', '/tasks')).body['items'] as { name: string; workers: number; input: object }[];
const namesAt = async (replica: ChildProcess) => (await tasksAt(replica)).map(({ name }) => name);
const taskAt = async (replica: ChildProcess, name: string) =>
  (await tasksAt(replica)).find((task) => task.name === name);

describe('the list of tasks', () => {
  it('has the tasks of the live workers, whatever tasks the serving process has', async () => {
    const api = await givenReplica('old', { ROLES: 'api,scheduler' });
    expect(await namesAt(api)).toEqual([]);
    const after = await givenReplica('new', { ROLES: 'worker' });
    expect(await namesAt(api)).toEqual([...builtIn, 'y', 'z']);
    expect(await taskAt(api, 'z')).toEqual({
      name: 'z',
      description: 'Only the new build has it.',
      transactional: false,
      input: expect.objectContaining({
        properties: {
          times: expect.objectContaining({ type: 'integer', minimum: 1, default: 1 }),
          key: { type: 'string', minLength: 8 },
        },
        additionalProperties: false,
      }),
      workers: 1,
    });
    expect(await taskAt(api, 'sql')).toMatchObject({ transactional: true });

    const before = await givenReplica('old', { ROLES: 'worker' });
    expect(await tasksAt(api)).toMatchObject(
      [...builtIn, 'x', 'y', 'z'].map((name) => ({ name, workers: 'xz'.includes(name) ? 1 : 2 })),
    );
    await kill(after, 'SIGKILL');
    await eventually(async () => expect(await namesAt(api)).toEqual([...builtIn, 'x', 'y']));
    await kill(before, 'SIGTERM');
    expect(await namesAt(api)).toEqual([]);
  });

  it('shows a task of two builds as the last started process has it, even when the other one joins again', async () => {
    const before = await givenReplica('old');
    await givenReplica('new');
    const y = { name: 'y', description: '', transactional: false };
    const isNew = { ...y, workers: 2, input: { properties: { note: { type: 'string' } } } };
    expect(await taskAt(before, 'y')).toMatchObject(isNew);
    const [{ number }] = (await replicas()) as [Record<string, unknown>];
    await runSql(database.url, `DELETE FROM cronzimus.replicas WHERE number = ${String(number)}`);
    expect(await taskAt(before, 'x')).toBeUndefined();
    await eventually(async () => expect(await taskAt(before, 'x')).toMatchObject({ workers: 1 }));
    expect(await taskAt(before, 'y')).toMatchObject(isNew);
    await givenReplica('old');
    const takesNothing = { type: 'object', properties: {}, additionalProperties: false };
    expect(await taskAt(before, 'y')).toEqual({ ...y, workers: 3, input: takesNothing });
  });
});

const refused = (path: string) => ({ status: 422, body: { code: 'INVALID_INPUT', errors: [{ path }] } });

describe('a job of a task that only workers of another build know', () => {
  const trigger = { type: 'cron', expression: '@yearly' };
  const z = (input: object) => ({ task: 'z', trigger, input });

  it('is accepted over the API, its input is validated with the published schema, and it runs there', async () => {
    const api = await givenReplica('old', { ROLES: 'api' });
    expect(await call(api, 'PUT', '/jobs/j', z({}))).toMatchObject({ status: 422, body: { code: 'UNKNOWN_TASK' } });
    const worker = await givenReplica('new', { ROLES: 'worker' });

    expect(await call(api, 'POST', '/jobs', { name: 'j', ...z({ times: 0 }) })).toMatchObject(refused('/input/times'));
    expect(await call(api, 'POST', '/jobs', { name: 'j', ...z({ times: 2 }) })).toMatchObject({ status: 201 });
    expect(await call(api, 'PUT', '/jobs/j', z({ key: 'short' }))).toMatchObject(refused('/input/key'));
    expect(await call(api, 'PUT', '/jobs/j', z({ key: { $secret: 'key' } }))).toMatchObject({ status: 200 });
    expect(await call(api, 'PATCH', '/jobs/j', { input: { tims: 1 } })).toMatchObject(refused('/input/tims'));
    expect(await call(api, 'PATCH', '/jobs/j', { input: { key: null, times: 3 } })).toMatchObject({
      status: 200,
      body: { input: { times: 3 }, version: 3 },
    });
    const file = (times: number) => ({ jobs: { j: z({ times }), k: z({}) } });
    expect(await call(api, 'POST', '/jobs-file', file(-1))).toMatchObject({
      status: 422,
      body: { code: 'JOBS_FILE_INVALID', errors: [{ path: '/jobs/j/input/times', line: 1 }] },
    });
    expect(await call(api, 'POST', '/jobs-file', file(3))).toMatchObject({
      status: 200,
      body: { created: [{ name: 'k' }], unchanged: [{ name: 'j' }] },
    });
    expect(await call(api, 'PUT', '/jobs/l', { ...z({}), task: 'nope' })).toMatchObject({
      status: 422,
      body: {
        code: 'UNKNOWN_TASK',
        detail: expect.stringContaining('check-ledger, deliver-alert, http, prune-runs, sql, table-sizes, x, y, z'),
      },
    });

    expect(await call(api, 'POST', '/jobs/j/run', { input: { times: '1' } })).toMatchObject(refused('/input/times'));
    expect(await call(api, 'POST', '/jobs/j/run', { input: { times: 1 } })).toMatchObject({ status: 202 });
    await eventually(async () => expect(await ran()).toEqual([{ task: 'z', build: 'new' }]));

    await kill(worker, 'SIGTERM');
    expect(await call(api, 'PATCH', '/jobs/j', { input: { times: 4 } })).toMatchObject({ status: 422 });
    // It has its own tasks without any worker.
    expect(await call(api, 'PUT', '/jobs/m', { task: 'x', trigger })).toMatchObject({ status: 201 });
  });

  it('is accepted from a jobs file too', async () => {
    await givenReplica('new', { ROLES: 'worker' });
    const path = join(process.env['TEST_SCRATCH']!, `versions-${process.pid}.json`);
    await writeFile(path, JSON.stringify({ jobs: { j: z({ times: 2 }) } }));
    await givenReplica('old', { ROLES: 'scheduler', JOBS_FILE: path });
    expect(await names()).toEqual(['a', 'b', 'j']);
  });
});
