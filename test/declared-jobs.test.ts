import type { NestExpressApplication } from '@nestjs/platform-express';
import { Client } from 'pg';
import { DeclaredJobs, type DeclaredSource } from '../src/jobs/declared/sync-declared-jobs.js';
import { jobDefinition, type JobDefinitionInput } from '../src/jobs/definition/job.schema.js';
import { Replicas } from '../src/replicas/replicas.js';
import { createTestApplication } from './support/application.js';
import { runSql } from './support/run-sql.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { eventually } from './support/eventually.js';
import { runIdAt } from './support/run-id-at.js';
import { TestTasksModule } from './support/tasks.js';

let database: TestDatabase;
let app: NestExpressApplication;
let declared: DeclaredJobs;
beforeAll(async () => {
  database = await createTestDatabase();
  app = await createTestApplication(database.url, { DEFAULT_TIME_ZONE: 'Europe/Berlin' }, [TestTasksModule]);
  declared = app.get(DeclaredJobs, { strict: false });
  await app.get(Replicas, { strict: false }).join();
});
afterEach(() => runSql(database.url, 'TRUNCATE cronzimus.jobs, cronzimus.runs CASCADE'));
afterAll(async () => {
  await app.get(Replicas, { strict: false }).leave();
  await app.close();
  await database.drop();
});

type Written = Record<string, Partial<JobDefinitionInput>>;
const declare = (jobs: Written, source: DeclaredSource = 'file', by = declared) => {
  const trigger = { type: 'cron', expression: '0 9 * * *' };
  const complete = Object.entries(jobs).map(
    ([name, written]) => [name, jobDefinition.parse({ task: 'wait', trigger, ...written })] as const,
  );
  return by.declare(source, new Map(complete));
};
const rows = (condition = 'true') =>
  runSql(database.url, `SELECT * FROM cronzimus.jobs WHERE ${condition} ORDER BY name`);
const row = async (name: string) => (await rows(`name = '${name}'`))[0]!;
const interval = (everySeconds: number, more = {}) => ({
  trigger: { type: 'interval', everySeconds, ...more } as const,
});

const names = async () => (await rows()).map(({ name }) => name);
const anotherReplica = (owner: string, files: string) =>
  runSql(
    database.url,
    `INSERT INTO cronzimus.replicas (name, app, started_at, seen_at, file_jobs)
     VALUES ('other', '${owner}', now(), now() + interval '1 hour', ${files})`,
  );

describe('a declared job', () => {
  it('is created once, belongs to its app, and has its first occurrence after now', async () => {
    await declare({ a: { tags: ['x'] } });
    const [{ trigger, next_run_at, created_at, ...job }] = (await rows()) as [Record<string, unknown>];
    expect(job).toMatchObject({
      name: 'a',
      source: 'file',
      owner: 'cronzimus',
      version: 1,
      tags: ['x'],
      paused: false,
    });
    expect(trigger).toMatchObject({ type: 'cron', timeZone: 'Europe/Berlin' });
    expect(next_run_at).toBeInstanceOf(Date);
    expect(Number(next_run_at)).toBeGreaterThan(Number(created_at));
    expect(await runSql(database.url, 'SELECT FROM cronzimus.runs')).toEqual([]);
  });

  it('is not written when the same declaration is repeated', async () => {
    const job = { a: { input: { deep: [{ b: 1, a: -0 }], text: 'ü' }, tags: ['x'], ...interval(60) }, b: {} };
    await declare(job);
    const before = await rows();
    await declare(job);
    expect(await rows()).toEqual(before);
  });

  it('gets a new version when its definition changes, and other jobs stay unchanged', async () => {
    await declare({ a: {}, b: {} });
    const [a, b] = await rows();
    await declare({ a: { priority: 1 }, b: {} });
    expect(await rows()).toEqual([{ ...a, priority: 1, version: 2, updated_at: expect.any(Date) }, b]);
  });

  it('is written once for ten concurrent declarations', async () => {
    const trigger = { type: 'cron', expression: '0 10 * * *' };
    await Promise.all(Array.from({ length: 10 }, () => declare({ a: {}, b: {} })));
    expect(await rows()).toMatchObject([{ version: 1 }, { version: 1 }]);
    await Promise.all(Array.from({ length: 10 }, () => declare({ a: {}, b: { trigger } as never })));
    expect(await rows()).toMatchObject([{ version: 1 }, { version: 2 }]);
  });

  it('keeps the anchor of its interval when an edit omits it', async () => {
    await declare({ a: interval(60) });
    const { trigger } = (await row('a')) as { trigger: { anchor: string } };
    await declare({ a: { ...interval(7), description: 'faster' } });
    const edited = await row('a');
    expect(edited).toMatchObject({ version: 2, trigger: { everySeconds: 7, anchor: trigger.anchor } });
    expect((Number(edited['next_run_at']) - Date.parse(trigger.anchor)) % 7_000).toBe(0);
    const anchor = '2026-01-01T00:00:00.000Z';
    await declare({ a: interval(7, { anchor }) });
    expect(await row('a')).toMatchObject({ version: 3, trigger: { anchor } });
  });

  it('keeps a pause over the API after a reload and an edit, until its declaration changes `paused`', async () => {
    await declare({ a: {} });
    await runSql(database.url, 'UPDATE cronzimus.jobs SET paused = true');
    await declare({ a: {} });
    expect(await row('a')).toMatchObject({ paused: true, version: 1 });
    await declare({ a: { priority: 1 } });
    expect(await row('a')).toMatchObject({ paused: true, version: 2 });
    await declare({ a: { priority: 1, paused: true } });
    await declare({ a: { priority: 1 } });
    expect(await row('a')).toMatchObject({ paused: false });
  });

  it('keeps a resume over the API after a reload', async () => {
    await declare({ a: { paused: true } });
    await runSql(database.url, 'UPDATE cronzimus.jobs SET paused = false');
    await declare({ a: { paused: true } });
    expect(await row('a')).toMatchObject({ paused: false, version: 1 });
  });

  it('whose date has passed is finished', async () => {
    await declare({ a: { trigger: { type: 'date', at: '2020-01-01T00:00:00Z' } } });
    expect(await row('a')).toMatchObject({ next_run_at: null, next_occurrence_at: null });
  });

  it('may move from code to file', async () => {
    await declare({ a: {} }, 'code');
    await declare({ a: {} }, 'file');
    expect(await rows()).toMatchObject([{ source: 'file', version: 2 }]);
  });

  it.each([
    ['the API', "SET source = 'api', owner = NULL", 'source "api"'],
    ['another live app', "SET owner = 'other'", 'of the app "other"'],
  ])('is refused when its name belongs to %s, with the whole set', async (_owner, set, owner) => {
    await declare({ b: {} });
    await runSql(database.url, `UPDATE cronzimus.jobs ${set}`);
    await givenOtherApp();
    const refused = declare({ a: {}, b: { priority: 1 }, c: {} });
    await expect(refused).rejects.toMatchObject({
      code: 'JOB_MANAGED_ELSEWHERE',
      message: expect.stringMatching(new RegExp(`^Job "b" .*${owner}`)),
    });
    expect(await rows()).toMatchObject([{ name: 'b', priority: 0, version: 1 }]);
  });

  it('is refused when the API creates its name at the same moment', async () => {
    await declare({ model: {} });
    const api = new Client({ connectionString: database.url });
    await api.connect();
    try {
      await api.query('BEGIN');
      await api.query(
        `CREATE TEMP TABLE made ON COMMIT DROP AS SELECT * FROM cronzimus.jobs;
         UPDATE made SET id = gen_random_uuid(), name = 'a', source = 'api', owner = NULL;
         INSERT INTO cronzimus.jobs SELECT * FROM made`,
      );
      const declaring = declare({ a: {} }).catch((error: unknown) => error);
      await eventually(async () =>
        expect(
          await runSql(
            database.url,
            `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`,
          ),
        ).toHaveLength(1),
      );
      await api.query('COMMIT');
      expect(await declaring).toMatchObject({ code: 'JOB_MANAGED_ELSEWHERE' });
    } finally {
      await api.end();
    }
  });

  it('stays with another live app that declares the same, and is taken over from an app that is gone', async () => {
    await declare({ b: {} });
    await runSql(database.url, `UPDATE cronzimus.jobs SET owner = 'other'`);
    await givenOtherApp();
    await declare({ b: {} });
    expect(await rows()).toMatchObject([{ owner: 'other', version: 1 }]);
    await runSql(database.url, `DELETE FROM cronzimus.replicas WHERE name = 'other'`);
    await declare({ b: {} });
    expect(await rows()).toMatchObject([{ owner: 'cronzimus' }]);
  });
});

const givenOtherApp = () =>
  runSql(
    database.url,
    `INSERT INTO cronzimus.replicas (name, app, started_at, seen_at) VALUES ('other', 'other', now(), now())`,
  );

describe('a job that is no longer declared', () => {
  afterEach(() => runSql(database.url, `DELETE FROM cronzimus.replicas WHERE name = 'other'`));

  it('is deleted, and what has not started of it is cancelled', async () => {
    await declare({ a: {}, b: {} });
    await runSql(
      database.url,
      `INSERT INTO cronzimus.runs (id, job_id, job, task, kind, state, scheduled_at, due_at, queued_at, priority,
         timeout_seconds, retry, on_interruption, input)
       SELECT ${runIdAt('now()')}, id, name, task, 'manual', state, now(), now(), now(), 0, 1, retry, 'rerun', '{}'
       FROM cronzimus.jobs, unnest(ARRAY['pending', 'running', 'retrying']) AS state`,
    );
    await declare({ b: {} });
    await declared.sweep();
    expect(await names()).toEqual(['b']);
    const runs = await runSql(database.url, 'SELECT job, state, reason FROM cronzimus.runs ORDER BY job, state');
    const cancelled = { job: 'a', state: 'cancelled', reason: 'job_deleted' };
    expect(runs.slice(0, 3)).toEqual([cancelled, cancelled, { job: 'a', state: 'running', reason: null }]);
    expect(runs.slice(3).map(({ state }) => state)).toEqual(['pending', 'retrying', 'running']);
  });

  it.each([
    ['stays while another replica declares it', 'cronzimus', `'{a}'`, ['a', 'b']],
    ['goes when no other replica declares it', 'cronzimus', `'{b}'`, ['b']],
    ['goes even when replicas of other apps declare it', 'other', `'{a}'`, ['b']],
    ['goes even when a replica without a jobs file is there', 'cronzimus', 'NULL', ['b']],
  ])('%s', async (_case, owner, files, expected) => {
    await declare({ a: {}, b: {} });
    await anotherReplica(owner, files);
    await declare({ b: {} });
    await declared.sweep();
    expect(await names()).toEqual(expected);
  });

  it('stays where no live replica has a jobs file at all', async () => {
    await declare({ a: {} });
    await runSql(database.url, 'UPDATE cronzimus.replicas SET file_jobs = NULL');
    await declared.sweep();
    expect(await names()).toEqual(['a']);
  });

  it('does not take jobs of other sources or other apps with it', async () => {
    await declare({ a: {}, b: {}, c: {} });
    await runSql(
      database.url,
      `UPDATE cronzimus.jobs SET owner = CASE name WHEN 'b' THEN 'other' END, source = CASE name WHEN 'b' THEN 'file' ELSE 'api' END
       WHERE name IN ('a', 'b')`,
    );
    await declare({});
    await declared.sweep();
    expect(await names()).toEqual(['a', 'b']);
  });
});
