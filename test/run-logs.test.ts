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
});

afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => kill(child, 'SIGKILL')));
  await app.close();
  await database.drop();
});

async function givenProcess(): Promise<ChildProcess> {
  const child = forkScript('talking-process.js', { DATABASE_URL: database.url, SHUTDOWN_GRACE_SECONDS: '0' });
  children.push(child);
  await nextMessage(child);
  return child;
}

/** Queues a run of the task `talk`, whose attempts log 5,000 lines. */
async function givenRun(ending: 'throw' | 'abort' | 'ignore', written: Partial<Job> = {}): Promise<void> {
  const input = { lines: 5_000, ending };
  const job = jobRow('talking', { task: 'talk', nextOccurrenceAt: null, nextRunAt: null, input, ...written });
  await givenJobs(app.get(getDataSourceToken(SCHEDULER), { strict: false }), [job]);
  await app.get(JobsService, { strict: false }).runNow(job.name, ANONYMOUS);
}

const messages = async (attempt = 1) =>
  (await runSql(database.url, `SELECT message FROM cronzimus.run_logs WHERE attempt = ${attempt} ORDER BY id`)).map(
    ({ message }) => message as string,
  );
const lines = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => `line ${from + index}`);
const missing = (count: number) => expect.stringMatching(new RegExp(`^${count} lines are missing here`));
const CUT = expect.stringMatching(/^cut here/);

describe('an attempt that logs 5,000 lines', () => {
  it('and throws keeps the first 1,000 and the last 200, and says how many are missing between them', async () => {
    await givenProcess();
    await givenRun('throw');
    await eventually(async () =>
      expect(await messages()).toEqual([...lines(1, 1_000), missing(3_800), ...lines(4_801, 5_000)]),
    );
  });

  it('and is handed on when its process stops keeps its last lines, and so does the next attempt', async () => {
    const first = await givenProcess();
    await givenRun('abort');
    await eventually(async () => expect(await messages()).toEqual([...lines(1, 1_000), CUT]));
    await kill(first, 'SIGTERM');
    expect(await messages()).toEqual([...lines(1, 1_000), missing(3_801), ...lines(4_802, 5_000), 'aborted']);
    await givenProcess();
    await eventually(async () => expect(await messages(2)).toEqual([missing(4_800), ...lines(4_801, 5_000)]));
  });

  it('and whose process is killed says that its log was cut', async () => {
    const first = await givenProcess();
    await givenRun('abort', { onInterruption: 'fail' });
    await eventually(async () => expect(await messages()).toEqual([...lines(1, 1_000), CUT]));
    await kill(first, 'SIGKILL');
    await givenProcess();
    await eventually(async () =>
      expect(await runSql(database.url, 'SELECT state FROM cronzimus.runs')).toEqual([{ state: 'failed' }]),
    );
    expect(await messages()).toEqual([...lines(1, 1_000), CUT]);
  });

  it('and ignores its signal keeps its last lines when its run ends', async () => {
    await givenProcess();
    await givenRun('ignore', { timeoutSeconds: 1 });
    await eventually(async () =>
      expect(await runSql(database.url, 'SELECT state FROM cronzimus.runs')).toEqual([{ state: 'timed_out' }]),
    );
    await eventually(async () =>
      expect(await messages()).toEqual([...lines(1, 1_000), missing(3_801), ...lines(4_802, 5_000), 'aborted']),
    );
  });
});
