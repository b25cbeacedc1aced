import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { getDataSourceToken } from '@nestjs/typeorm';
import { SCHEDULER } from '../src/database/data-source.js';
import type { Job } from '../src/jobs/definition/job.entity.js';
import { JobsService } from '../src/jobs/api/jobs.service.js';
import { Proxy } from './faults/proxy.js';
import { createTestApplication } from './support/application.js';
import { runSql } from './support/run-sql.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { eventually } from './support/eventually.js';
import { forkScript, nextMessage } from './support/fork.js';
import { ANONYMOUS, givenJobs, jobRow } from './support/jobs.js';
import { kill } from './support/kill.js';

let database: TestDatabase;
let app: NestExpressApplication;
let child: ChildProcess;

/** What the process has written to stderr. */
let stderr: string;

beforeEach(async () => {
  database = await createTestDatabase();
  app = await createTestApplication(database.url);
});

afterEach(async () => {
  await kill(child, 'SIGKILL');
  await app.close();
  await database.drop();
});

function givenProcess(variables: Record<string, string> = {}): void {
  const quiet = { DATABASE_URL: database.url, LOG_LEVEL: 'silent', SHUTDOWN_GRACE_SECONDS: '0.2' };
  child = forkScript('misbehaving-process.js', { ...quiet, ...variables }, 'pipe');
  stderr = '';
  child.stderr!.on('data', (piece) => (stderr += String(piece)));
}

/** Queues a manual run of a job of this task. */
async function givenRun(task: string, written: Partial<Job> = {}): Promise<void> {
  const source = app.get(getDataSourceToken(SCHEDULER), { strict: false });
  await givenJobs(source, [jobRow(task, { task, nextOccurrenceAt: null, nextRunAt: null, ...written })]);
  await app.get(JobsService, { strict: false }).runNow(task, ANONYMOUS);
}

const runOf = async (job: string) =>
  (await runSql(database.url, `SELECT * FROM cronzimus.runs WHERE job = '${job}'`))[0]!;

const ended = async () => {
  const [code, signal] = (await once(child, 'exit', { signal: AbortSignal.timeout(45_000) })) as unknown[];
  return code ?? signal;
};

describe('a process', () => {
  it('whose event loop a task blocks is killed after 10 s, and its stderr has the call that blocked it', async () => {
    // Queued before the process starts, so that it runs first.
    await givenRun('spin', { onInterruption: 'fail' });
    givenProcess();
    expect(await ended()).toBe('SIGKILL');
    expect(stderr).toContain('EVENT_LOOP_BLOCKED');
    expect(stderr).toMatch(/at spinForEver \(.*misbehaving-process\.js:\d+\)\n.*at run/);
    expect(await runOf('spin')).toMatchObject({ state: 'running', attempt: 1 });
  }, 60_000);

  it('whose event loop is blocked before it is ready is killed too', async () => {
    givenProcess({ BLOCK_AT_START: 'true' });
    expect(await ended()).toBe('SIGKILL');
    expect(stderr).toMatch(/at spinForEver .*\n.*at onApplicationBootstrap/);
  }, 60_000);

  it('drains and exits with 1 when tasks that ignore their signal hold half of its slots', async () => {
    givenProcess({ WORKER_CONCURRENCY: '2' });
    await givenRun('deaf', { timeoutSeconds: 0.1 });
    await givenRun('listen');
    expect(await nextMessage(child)).toBe('listening');
    expect(await ended()).toBe(1);
    expect(stderr).toMatch(/^SLOTS_ABANDONED: .*1 slots.*deaf/s);
    expect(await runOf('deaf')).toMatchObject({ state: 'timed_out' });
    // Returned to the queue for the next process.
    expect(await runOf('listen')).toMatchObject({ state: 'pending', reason: 'shutdown', attempt: 1 });
    expect(await runSql(database.url, 'SELECT FROM cronzimus.replicas')).toEqual([]);
  }, 60_000);

  it('aborts its attempts after 6 s without a response of the database, before others take them over', async () => {
    const proxy = await Proxy.to(database.url);
    try {
      givenProcess({ DATABASE_URL: proxy.url });
      await givenRun('listen');
      expect(await nextMessage(child)).toBe('listening');
      const since = performance.now();
      proxy.stall();
      expect(await nextMessage(child)).toBe('DATABASE_SILENT');
      // After 10 s others take its runs over.
      expect(performance.now() - since).toBeLessThan(10_000);
      proxy.resume();
      await eventually(async () =>
        expect(await runOf('listen')).toMatchObject({ state: 'running', attempt: 2, interruptions: 0 }),
      );
    } finally {
      await proxy.close();
    }
  });
});
