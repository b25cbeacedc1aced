import type { ChildProcess } from 'node:child_process';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { getDataSourceToken } from '@nestjs/typeorm';
import { SCHEDULER } from '../src/database/data-source.js';
import type { Job } from '../src/jobs/definition/job.entity.js';
import { JobsService } from '../src/jobs/api/jobs.service.js';
import { createTestApplication } from './support/application.js';
import { runSql } from './support/run-sql.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { eventually } from './support/eventually.js';
import { forkScript, nextMessage } from './support/fork.js';
import { ANONYMOUS, givenJobs, jobRow } from './support/jobs.js';
import { kill } from './support/kill.js';

let database: TestDatabase;
let app: NestExpressApplication;
const children: ChildProcess[] = [];

beforeEach(async () => {
  database = await createTestDatabase();
  app = await createTestApplication(database.url);
  await runSql(database.url, 'CREATE TABLE public.begun (run uuid, attempt int, pid int)');
});

afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => kill(child, 'SIGKILL')));
  await app.close();
  await database.drop();
});

async function givenProcess(script = 'service-process.js'): Promise<ChildProcess> {
  const child = forkScript(script, { DATABASE_URL: database.url, SHUTDOWN_GRACE_SECONDS: '0.2' });
  children.push(child);
  await nextMessage(child);
  return child;
}

/** A run of the task `hold`, queued by hand. */
async function givenRun(written: Partial<Job> = {}): Promise<string> {
  const job = jobRow('held', { nextOccurrenceAt: null, nextRunAt: null, ...written });
  await givenJobs(app.get(getDataSourceToken(SCHEDULER), { strict: false }), [job]);
  const { id } = await app.get(JobsService, { strict: false }).runNow(job.name, ANONYMOUS);
  return id;
}

/** Waits for an attempt of the task `hold`, and returns the pid of the process that began it. */
const attemptBegun = (attempt: number) =>
  eventually(async () => {
    const [begun] = await runSql(database.url, `SELECT pid FROM public.begun WHERE attempt = ${attempt}`);
    expect(begun).toBeDefined();
    return begun!['pid'];
  });
const theRun = async () => (await runSql(database.url, `SELECT * FROM cronzimus.runs WHERE job = 'held'`))[0]!;

describe('a process that is killed', () => {
  it('in the middle of a run: another starts it again as the next attempt', async () => {
    await givenRun();
    const first = await givenProcess();
    expect(await attemptBegun(1)).toBe(first.pid);
    const second = await givenProcess();
    await kill(first, 'SIGKILL');
    expect(await attemptBegun(2)).toBe(second.pid);
    expect(await theRun()).toMatchObject({ state: 'running', attempt: 2, interruptions: 1 });
    expect(await runSql(database.url, 'SELECT number, state, error FROM cronzimus.run_attempts')).toMatchObject([
      { number: 1, state: 'failed', error: { code: 'WORKER_LOST' } },
    ]);
  });

  it('between claim and start: another process starts its run', async () => {
    await givenRun();
    const claimer = await givenProcess('claiming-process.js');
    expect(await theRun()).toMatchObject({ state: 'running', attempt: 1 });
    const second = await givenProcess();
    await kill(claimer, 'SIGKILL');
    expect(await attemptBegun(2)).toBe(second.pid);
  });

  it('in the middle of a transaction: only the attempt that commits has written', async () => {
    await givenRun({ task: 'book' });
    const first = await givenProcess();
    await eventually(async () => {
      const sleeping = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'`;
      expect(await runSql(database.url, sleeping)).toHaveLength(1);
    });
    const second = await givenProcess();
    await kill(first, 'SIGKILL');
    await eventually(async () => expect(await theRun()).toMatchObject({ state: 'succeeded', attempt: 2 }));
    expect(await runSql(database.url, 'SELECT attempt, pid FROM public.begun')).toEqual([
      { attempt: 2, pid: second.pid },
    ]);
  });

  it('fails its run when onInterruption is fail, and the job can run again', async () => {
    await givenRun({ onInterruption: 'fail' });
    const first = await givenProcess();
    await attemptBegun(1);
    await givenProcess();
    await kill(first, 'SIGKILL');
    await eventually(async () => expect(await theRun()).toMatchObject({ state: 'failed', reason: 'worker_lost' }));
    await expect(app.get(JobsService, { strict: false }).runNow('held', ANONYMOUS)).resolves.toMatchObject({
      state: 'pending',
    });
  });

  it('as the third one under the same run: the run fails as poison and is not started again', async () => {
    await givenRun();
    await runSql(database.url, 'UPDATE cronzimus.runs SET interruptions = 2');
    const first = await givenProcess();
    await attemptBegun(1);
    await givenProcess();
    await kill(first, 'SIGKILL');
    await eventually(async () => expect(await theRun()).toMatchObject({ state: 'failed', reason: 'poison' }));
  });

  it('again and again by one of its runs: only that run fails as poison, and those beside it succeed', async () => {
    const jobs = ['kill', 'nap 1', 'nap 2', 'nap 3', 'nap 4', 'nap 5', 'nap 6', 'nap 7'].map((name) =>
      jobRow(name.replace(' ', '-'), { task: name.split(' ')[0]!, nextOccurrenceAt: null, nextRunAt: null }),
    );
    await givenJobs(app.get(getDataSourceToken(SCHEDULER), { strict: false }), jobs);
    for (const { name } of jobs) await app.get(JobsService, { strict: false }).runNow(name, ANONYMOUS);
    const unfinished = `SELECT FROM cronzimus.runs WHERE finished_at IS NULL`;
    for (let processes = 0; processes < 6 && (await runSql(database.url, unfinished)).length > 0; processes += 1) {
      const child = await givenProcess();
      await eventually(async () => {
        const ended = (await runSql(database.url, unfinished)).length === 0 || child.signalCode !== null;
        expect(ended).toBe(true);
      });
    }
    expect(
      await runSql(
        database.url,
        `SELECT task, state, reason, count(*)::int AS runs FROM cronzimus.runs GROUP BY 1, 2, 3 ORDER BY 1`,
      ),
    ).toEqual([
      { task: 'kill', state: 'failed', reason: 'poison', runs: 1 },
      { task: 'nap', state: 'succeeded', reason: null, runs: 7 },
    ]);
  });

  it('as the only one: the next process that starts takes its run over', async () => {
    await givenRun();
    const first = await givenProcess();
    await attemptBegun(1);
    await kill(first, 'SIGKILL');
    const second = await givenProcess();
    expect(await attemptBegun(2)).toBe(second.pid);
  });
});

describe('a run of a task that a worker does not know', () => {
  it('waits for a worker that does', async () => {
    await givenRun();
    const stranger = forkScript('service-process.js', { DATABASE_URL: database.url, TASKS_DISABLED: 'hold' });
    children.push(stranger);
    await nextMessage(stranger);
    // It claims, and runs what came later.
    await givenRun({ name: 'known', task: 'prune-runs' });
    await eventually(async () =>
      expect(await runSql(database.url, `SELECT FROM cronzimus.runs WHERE state = 'succeeded'`)).toHaveLength(1),
    );
    await runSql(database.url, `DELETE FROM cronzimus.runs WHERE job = 'known'`);
    expect(await theRun()).toMatchObject({ state: 'pending', attempt: 0 });
    const { pid } = await givenProcess();
    expect(await attemptBegun(1)).toBe(pid);
  });

  it('fails when no worker has known the task for an hour', async () => {
    await givenRun({ task: 'forgotten' });
    await runSql(database.url, `UPDATE cronzimus.runs SET queued_at = queued_at - interval '61 minutes'`);
    await givenProcess();
    // The process first waits for 15 s, in which another worker with the task may start.
    await eventually(
      async () =>
        expect(await theRun()).toMatchObject({
          state: 'failed',
          reason: 'unknown_task',
          attempt: 0,
        }),
      { within: 90_000 },
    );
  });
});

describe('a process that gets SIGTERM', () => {
  it('returns unfinished runs to the queue, and leaves no replica behind', async () => {
    await givenRun();
    const first = await givenProcess();
    await attemptBegun(1);
    await kill(first, 'SIGTERM');
    expect(first.exitCode).toBe(0);
    expect(await theRun()).toMatchObject({ state: 'pending', reason: 'shutdown', attempt: 1 });
    expect(await runSql(database.url, 'SELECT FROM cronzimus.replicas')).toHaveLength(0);
    const second = await givenProcess();
    expect(await attemptBegun(2)).toBe(second.pid);
  });
});

describe('a claim whose response was lost', () => {
  it('is undone and started again, even when onInterruption is fail: no attempt had begun', async () => {
    await givenRun({ onInterruption: 'fail' });
    const { pid } = await givenProcess();
    await attemptBegun(1);
    // As if the process had not received the response to its second claim.
    await runSql(
      database.url,
      `INSERT INTO cronzimus.runs SELECT (jsonb_populate_record(r, jsonb_build_object('id', gen_random_uuid(), 'attempt', 4,
         'started_at', now() - interval '1 minute'))).* FROM cronzimus.runs r WHERE job = 'held'`,
    );
    expect(await attemptBegun(5)).toBe(pid);
    expect(await runSql(database.url, 'SELECT interruptions FROM cronzimus.runs WHERE attempt = 5')).toEqual([
      { interruptions: 0 },
    ]);
  });
});

describe('a run that is due and has no queue entry', () => {
  it('gets one from the reconciler', async () => {
    await givenRun();
    await runSql(database.url, `DELETE FROM cronzimus.run_queue`);
    await runSql(database.url, `UPDATE cronzimus.runs SET queued_at = queued_at - interval '1 minute'`);
    const { pid } = await givenProcess();
    expect(await attemptBegun(1)).toBe(pid);
  });
});
