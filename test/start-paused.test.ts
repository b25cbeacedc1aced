import { getDataSourceToken } from '@nestjs/typeorm';
import { SCHEDULER } from '../src/database/data-source.js';
import type { Job } from '../src/jobs/definition/job.entity.js';
import { JobsService } from '../src/jobs/api/jobs.service.js';
import { createTestApplication } from './support/application.js';
import { runSql } from './support/run-sql.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { eventually } from './support/eventually.js';
import { ANONYMOUS, givenJobs } from './support/jobs.js';
import { kill } from './support/kill.js';
import { isReady, type MainProcess, startMain } from './support/main-process.js';
import { finishedJob } from './support/service.js';

const MINUTE = 60_000;

let database: TestDatabase;
const processes: MainProcess[] = [];

afterEach(async () => {
  await Promise.all(processes.splice(0).map(({ child }) => kill(child, 'SIGKILL')));
  await database.drop();
});

/** Starts the service with START_PAUSED, and returns it once it is ready. */
async function startPaused(variables: Record<string, string> = {}): Promise<MainProcess> {
  const settings = { DATABASE_URL: database.url, START_PAUSED: 'true', ...variables };
  const started = await startMain(settings, process.env['TEST_SCRATCH']!);
  processes.push(started);
  await isReady(started);
  return started;
}

const scheduler = async (method: string, url: string, path = '') =>
  (await (
    await fetch(`${url}/api/v1/scheduler${path}`, { method, headers: { 'X-Cronzimus-Request': '1' } })
  ).json()) as { paused: boolean };
const effects = async () =>
  (await runSql(database.url, 'SELECT job FROM public.effects ORDER BY job')).map(({ job }) => job);
const runs = () =>
  runSql(database.url, 'SELECT job, state, reason, missed_count FROM cronzimus.runs ORDER BY job, scheduled_at');

/** A job that writes its name when it runs. */
const writing = (job: string, written: Partial<Job> = {}): Job =>
  finishedJob(job, 'sql', {
    input: { statement: 'INSERT INTO public.effects VALUES ($1)', values: [job] },
    ...written,
  });

/** What a copy of a database may hold: an occurrence that is due, a queued run, and a run whose process is gone. */
async function givenCopy(): Promise<void> {
  database = await createTestDatabase();
  await runSql(database.url, 'CREATE TABLE public.effects (job text)');
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
  for (const job of ['queued', 'running']) await app.get(JobsService, { strict: false }).runNow(job, ANONYMOUS);
  await runSql(
    database.url,
    `UPDATE cronzimus.runs SET state = 'running', attempt = 1, started_at = now(), replica_number = 4711, replica = 'gone'
     WHERE job = 'running'`,
  );
  await app.close();
}

describe('START_PAUSED', () => {
  it('starts nothing that a copied database holds until somebody resumes, and its log says how to', async () => {
    await givenCopy();
    const { url, log } = await startPaused();
    expect(log()).toMatch(/START_PAUSED.*scheduler\/resume/);
    expect(await scheduler('GET', url)).toMatchObject({ paused: true });
    // The run of the process that is gone was taken over, so the loops have turned.
    await eventually(async () =>
      expect(await runs()).toMatchObject([
        { job: 'queued', state: 'pending' },
        { job: 'running', state: 'pending', reason: 'worker_lost' },
      ]),
    );
    const [{ now }] = (await runSql(database.url, 'SELECT now()')) as [{ now: Date }];
    const since = now.toISOString();
    await eventually(async () => {
      expect(await runSql(database.url, `SELECT now() > '${since}'::timestamptz + interval '2 s' AS over`)).toEqual([
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
  });

  it('pauses again at each start with it, in any role, and also for replicas that run already', async () => {
    await givenCopy();
    const first = await startPaused();
    expect(await scheduler('POST', first.url, '/resume')).toMatchObject({ paused: false });
    await startPaused({ ROLES: 'api' });
    expect(await scheduler('GET', first.url)).toMatchObject({ paused: true });
  });
});
