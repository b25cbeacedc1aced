import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { getDataSourceToken } from '@nestjs/typeorm';
import { SCHEDULER } from '../src/database/data-source.js';
import type { Job } from '../src/jobs/definition/job.entity.js';
import { JobsService } from '../src/jobs/api/jobs.service.js';
import { createTestApplication } from './support/application.js';
import { ask } from './support/ask.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { eventually } from './support/eventually.js';
import { ANYBODY, givenJobs } from './support/jobs.js';
import { kill } from './support/kill.js';
import { spentJob } from './support/service.js';

const MAIN = join(import.meta.dirname, '..', 'dist', 'main.js');
const MINUTE = 60_000;
/** Whole services start in it. */
const LONGEST_MS = 110_000;

let database: TestDatabase;
const children: ChildProcess[] = [];

afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => kill(child, 'SIGKILL')));
  await database.drop();
});

/** The service as users start it; answers its address and all that it said until it ran. */
async function start(variables: Record<string, string>): Promise<{ url: string; said: string }> {
  const { PATH, HOME } = process.env;
  const env = { PATH, HOME, DATABASE_URL: database.url, PORT: '0', LOG_FORMAT: 'json', ...variables };
  const child = spawn(process.execPath, [MAIN], {
    cwd: process.env['TEST_SCRATCH']!,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  return eventually(
    () => {
      const [, url] = /Cronzimus is running.*(http:\/\/127\.0\.0\.1:\d+)/.exec(said) ?? [];
      if (!url) throw new Error(`it does not run yet: ${said}`);
      return { url, said };
    },
    { within: 60_000 },
  );
}

const scheduler = async (method: string, url: string, path = '') =>
  (await (await fetch(`${url}/api/v1/scheduler${path}`, { method })).json()) as { paused: boolean };
const effects = async () =>
  (await ask(database.url, 'SELECT job FROM public.effects ORDER BY job')).map(({ job }) => job);
const runs = () =>
  ask(database.url, 'SELECT job, state, reason, missed_count FROM cronzimus.runs ORDER BY job, scheduled_at');

/** A job that writes its name when it runs. */
const writing = (job: string, written: Partial<Job> = {}): Job =>
  spentJob(job, 'sql', {
    input: { statement: 'INSERT INTO public.effects VALUES ($1)', values: [job] },
    ...written,
  });

/** What a copy of a database has in it: an occurrence that is due, a run that is queued, and one whose process is gone. */
async function givenCopy(): Promise<void> {
  database = await createTestDatabase();
  await ask(database.url, 'CREATE TABLE public.effects (job text)');
  const app = await createTestApplication(database.url);
  const anchor = new Date(Math.floor(Date.now() / MINUTE) * MINUTE - 9 * MINUTE - 30_000);
  const trigger = { type: 'interval', everySeconds: 3600, anchor: anchor.toISOString() } as const;
  const bounds = { startAt: null, endAt: null, jitterSeconds: 0 };
  const due = writing('due', { trigger: { ...trigger, ...bounds }, nextOccurrenceAt: anchor, nextRunAt: anchor });
  await givenJobs(app.get(getDataSourceToken(SCHEDULER), { strict: false }), [
    due,
    writing('queued'),
    writing('running'),
  ]);
  for (const job of ['queued', 'running']) await app.get(JobsService, { strict: false }).runNow(job, ANYBODY);
  await ask(
    database.url,
    `UPDATE cronzimus.runs SET state = 'running', attempt = 1, started_at = now(), replica_number = 4711, replica = 'gone'
     WHERE job = 'running'`,
  );
  await app.close();
}

describe('START_PAUSED', () => {
  it(
    'starts nothing that a copied database has in it until somebody resumes, and says so',
    async () => {
      await givenCopy();
      const { url, said } = await start({ START_PAUSED: 'true' });
      expect(said).toMatch(/START_PAUSED: the scheduler is paused.*scheduler\/resume/);
      expect(await scheduler('GET', url)).toMatchObject({ paused: true });
      // By then the loops have turned: the run of the process that is gone was taken over.
      await eventually(async () =>
        expect(await runs()).toMatchObject([
          { job: 'queued', state: 'pending' },
          { job: 'running', state: 'pending', reason: 'worker_lost' },
        ]),
      );
      const [look] = await ask(database.url, 'SELECT now() AS at');
      const since = (look!['at'] as Date).toISOString();
      await eventually(async () => {
        expect(await ask(database.url, `SELECT now() > '${since}'::timestamptz + interval '2 s' AS over`)).toEqual([
          { over: true },
        ]);
      });
      expect(await effects()).toEqual([]);
      expect(await runs()).toHaveLength(2);

      const gap = { jobs: 1, runs: 2 };
      expect(await scheduler('GET', url)).toMatchObject({ paused: true, gap });
      expect(await scheduler('POST', url, '/resume')).toMatchObject({ paused: false, gap });
      expect(await scheduler('GET', url)).toMatchObject({ gap: null });
      await eventually(async () => expect(await effects()).toEqual(['queued', 'running']));
      await eventually(async () =>
        expect(await runs()).toMatchObject([
          { job: 'due', state: 'skipped', reason: 'paused', missed_count: 1 },
          { job: 'queued', state: 'succeeded' },
          { job: 'running', state: 'succeeded' },
        ]),
      );
    },
    LONGEST_MS,
  );

  it(
    'pauses again at each start with it, whatever the role, also those that run already',
    async () => {
      await givenCopy();
      const first = await start({ START_PAUSED: 'true' });
      expect(await scheduler('POST', first.url, '/resume')).toMatchObject({ paused: false });
      await start({ START_PAUSED: 'true', ROLES: 'api' });
      expect(await scheduler('GET', first.url)).toMatchObject({ paused: true });
    },
    LONGEST_MS,
  );
});
