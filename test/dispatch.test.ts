import { randomBytes } from 'node:crypto';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { SchedulerRegistry } from '@nestjs/schedule';
import { getDataSourceToken } from '@nestjs/typeorm';
import { CronJob } from 'cron';
import type { DataSource } from 'typeorm';
import { SCHEDULER } from '../src/database/data-source.js';
import { SchedulerDatabase } from '../src/database/scheduler-database.js';
import { SchedulerLifecycle } from '../src/scheduler/lifecycle.js';
import { DatabaseClock } from '../src/jobs/dispatch/database-clock.js';
import { DeclaredJobs } from '../src/jobs/declared/sync-declared-jobs.js';
import { Dispatcher } from '../src/jobs/dispatch/dispatcher.js';
import { jobDefinition } from '../src/jobs/definition/job.schema.js';
import { createRuns } from '../src/runs/lifecycle/create-runs.js';
import { runSql } from './support/run-sql.js';
import { createTestApplication } from './support/application.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { eventually } from './support/eventually.js';
import { forkScript, nextMessage } from './support/fork.js';
import { EVERY_SECOND, givenJobs, jobRow } from './support/jobs.js';
import { kill } from './support/kill.js';
import { finishedJob, TestService } from './support/service.js';

const NEXT_CENTURY = new Date('2100-01-01T00:00:00Z');

let database: TestDatabase;
let app: NestExpressApplication;
let scheduler: DataSource;
let dispatcher: Dispatcher;

beforeAll(async () => {
  database = await createTestDatabase();
  app = await createTestApplication(database.url);
  scheduler = app.get(getDataSourceToken(SCHEDULER), { strict: false });
  dispatcher = app.get(Dispatcher, { strict: false });
});

afterAll(async () => {
  await app.close();
  await database.drop();
});

afterEach(async () => {
  await runSql(database.url, 'TRUNCATE cronzimus.jobs, cronzimus.runs CASCADE; TRUNCATE cronzimus.run_queue');
});

const runs = (job: string) =>
  runSql(
    database.url,
    `SELECT kind, state, reason, scheduled_at, input, missed_to, missed_count FROM cronzimus.runs
     WHERE job = '${job}' ORDER BY scheduled_at, kind`,
  );
/** A job whose input names the definition with which an occurrence was made. */
const everyTenths = (tenths: number) => {
  const trigger = { type: 'interval', everySeconds: tenths / 10, anchor: '2026-01-01T00:00:00Z' };
  const written = { task: 'prune-runs', input: { olderThanDays: tenths }, overlap: 'allow', trigger };
  return new Map([['edited', jobDefinition.parse(written)]]);
};
const minutesAgo = (minutes: number) => new Date(Math.floor(Date.now() / 60_000 - minutes) * 60_000);

describe('the dispatcher', () => {
  it('makes one run for each of 1,000 occurrences that eight processes dispatch at once', async () => {
    const due = new Date(Date.now() - 1000);
    const names = Array.from({ length: 1_000 }, (_, index) => `job-${index}`);
    const trigger = { type: 'date', at: due.toISOString() } as const;
    await givenJobs(
      scheduler,
      names.map((name) => jobRow(name, { trigger, nextOccurrenceAt: due, nextRunAt: due })),
    );
    const env = { DATABASE_URL: database.url };
    const processes = Array.from({ length: 8 }, () => forkScript('dispatching-process.js', env));
    try {
      await Promise.all(processes.map((child) => nextMessage(child)));
      const taken = Promise.all(processes.map((child) => nextMessage<number>(child)));
      for (const child of processes) child.send('go');
      const counts = await taken;
      expect(counts.reduce((sum, count) => sum + count)).toBe(1_000);
    } finally {
      await Promise.all(processes.map((child) => kill(child, 'SIGKILL')));
    }
    const [found] = await runSql(
      database.url,
      `SELECT (SELECT count(*)::int FROM cronzimus.runs) AS runs,
         (SELECT count(DISTINCT job)::int FROM cronzimus.runs WHERE state = 'pending') AS jobs,
         (SELECT count(*)::int FROM cronzimus.runs r JOIN cronzimus.run_queue q ON q.run_id = r.id) AS entries,
         (SELECT count(*)::int FROM cronzimus.jobs WHERE next_occurrence_at IS NULL) AS spent`,
    );
    expect(found).toEqual({ runs: 1_000, jobs: 1_000, entries: 1_000, spent: 1_000 });
  });

  it('makes all runs of a long backlog with an input of nearly 1 MiB', async () => {
    const first = minutesAgo(60);
    const trigger = { ...EVERY_SECOND, everySeconds: 180 };
    const misfire = { policy: 'all', graceSeconds: 0, maxCatchUp: 1_000 } as const;
    const due = { trigger, misfire, nextOccurrenceAt: first, nextRunAt: first };
    const jobs = ['large.a', 'large.b'].map((name) => {
      // Random, so that PostgreSQL cannot compress it.
      const text = randomBytes(450 * 2 ** 10).toString('hex');
      return jobRow(name, { ...due, input: { text } });
    });
    await givenJobs(scheduler, jobs);
    await dispatcher.dispatchDue();

    const found = await runSql(
      database.url,
      `SELECT run.job, run.input = job.input AS own, count(*)::int FROM cronzimus.runs run
       JOIN cronzimus.jobs job ON job.id = run.job_id GROUP BY 1, 2 ORDER BY 1`,
    );
    expect(found).toEqual(jobs.map(({ name }) => ({ job: name, own: true, count: expect.any(Number) })));
    for (const { count } of found) expect(count).toBeGreaterThanOrEqual(20);
  });

  it('advances a job after an outage: the latest occurrence catches up, the others are one missed row', async () => {
    const first = minutesAgo(60);
    const trigger = { type: 'interval', everySeconds: 600, anchor: first.toISOString() } as const;
    const repeating = { ...trigger, startAt: null, endAt: null, jitterSeconds: 0 };
    const misfire = { policy: 'once', graceSeconds: 0, maxCatchUp: 100 } as const;
    await givenJobs(scheduler, [
      jobRow('late', { trigger: repeating, misfire, nextOccurrenceAt: first, nextRunAt: first }),
    ]);
    await dispatcher.dispatchDue();

    const at = (minutes: number) => new Date(first.getTime() + minutes * 60_000);
    expect(await runs('late')).toMatchObject([
      { kind: 'schedule', state: 'missed', reason: 'misfire', scheduled_at: first, missed_to: at(50), missed_count: 6 },
      { kind: 'catch_up', state: 'pending', reason: null, scheduled_at: at(60) },
    ]);
    const [job] = await runSql(database.url, `SELECT next_run_at FROM cronzimus.jobs WHERE name = 'late'`);
    expect(job).toEqual({ next_run_at: at(70) });
  });

  it('skips an occurrence while a run of its job is unfinished', async () => {
    const first = minutesAgo(0);
    const trigger = { type: 'cron', expression: '* * * * *', timeZone: 'UTC' } as const;
    const job = jobRow('busy', {
      trigger: { ...trigger, startAt: null, endAt: null, jitterSeconds: 0 },
      nextOccurrenceAt: first,
      nextRunAt: first,
      misfire: { policy: 'once', graceSeconds: 600, maxCatchUp: 100 },
    });
    await givenJobs(scheduler, [job]);
    await dispatcher.dispatchDue();
    expect(await runs('busy')).toMatchObject([{ state: 'pending' }]);

    const before = new Date(first.getTime() - 60_000).toISOString();
    await runSql(database.url, `UPDATE cronzimus.jobs SET next_occurrence_at = '${before}', next_run_at = '${before}'`);
    await dispatcher.dispatchDue();
    expect(await runs('busy')).toMatchObject([{ state: 'skipped', reason: 'overlap' }, { state: 'pending' }]);
  });

  it('dispatches the other jobs when one cannot be decided, and retries that one later', async () => {
    const due = new Date(Date.now() - 1000);
    const at = { nextOccurrenceAt: due, nextRunAt: due };
    const broken = { type: 'cron', expression: 'no cron at all', timeZone: 'UTC' };
    const good = jobRow('good', { ...at, trigger: { type: 'date', at: due.toISOString() } });
    await givenJobs(scheduler, [jobRow('broken', { ...at, trigger: broken as never }), good]);
    await dispatcher.dispatchDue();
    expect(await runs('good')).toHaveLength(1);
    expect(await runs('broken')).toHaveLength(0);
    const [job] = await runSql(
      database.url,
      `SELECT next_occurrence_at, next_run_at > now() + interval '50 s' AS later FROM cronzimus.jobs WHERE name = 'broken'`,
    );
    expect(job).toEqual({ next_occurrence_at: due, later: true });
  });

  it('leaves neither a run nor a queue entry when its transaction is rolled back', async () => {
    const transactions = app.get(SchedulerDatabase, { strict: false });
    const job = jobRow('undone');
    const undo = new Error('undo');
    const rolledBack = transactions.transaction(async (tx) => {
      const { id: jobId, name, nextRunAt, ...copied } = job;
      const draft = {
        ...copied,
        jobId,
        job: name,
        kind: 'manual',
        state: 'pending',
        held: false,
        reason: null,
      } as const;
      const at = { scheduledAt: nextRunAt!, dueAt: nextRunAt! };
      const written = await createRuns(tx, nextRunAt!, [{ ...draft, ...at }], draft);
      expect(written).toHaveLength(1);
      throw undo;
    });
    await expect(rolledBack).rejects.toBe(undo);
    expect(await runs('undone')).toHaveLength(0);
    expect(await runSql(database.url, 'SELECT FROM cronzimus.run_queue')).toHaveLength(0);
  });
});

describe('a job that is edited while its occurrences fall due', () => {
  it('runs due occurrences with the old definition and later ones with the new one, each once', async () => {
    const declared = app.get(DeclaredJobs, { strict: false });
    await declared.declare('code', everyTenths(1));
    // Falls due many times while three editors change it back and forth.
    const stop = Date.now() + 3_000;
    const dispatch = async () => {
      while (Date.now() < stop) await dispatcher.dispatchDue();
    };
    const edit = async (tenths: number) => {
      while (Date.now() < stop) await declared.declare('code', everyTenths(tenths));
    };
    await Promise.all([dispatch(), dispatch(), edit(1), edit(2), edit(3)]);
    const occurrences = await runs('edited');
    expect(occurrences.length).toBeGreaterThan(0);
    const instants = new Set(occurrences.map(({ scheduled_at }) => (scheduled_at as Date).getTime()));
    expect(instants.size).toBe(occurrences.length);
    // An interval of n tenths of a second only ever made occurrences on its own grid.
    for (const { scheduled_at, input } of occurrences) {
      const { olderThanDays } = input as { olderThanDays: number };
      expect(((scheduled_at as Date).getTime() / 100) % olderThanDays).toBe(0);
    }
  });
});

describe('an occurrence', () => {
  it('never starts before its instant by the clock of the database, even where its alarm fires early', async () => {
    const service = await TestService.start();
    try {
      const [{ now }] = (await runSql(service.database, "SELECT date_trunc('milliseconds', now()) AS now")) as [
        { now: Date },
      ];
      const after = (ms: number) => new Date(now.getTime() + 1_500 + ms);
      const written = { input: { text: 'x' }, overlap: 'allow', updatedAt: now } as const;
      // 500 instants 4 ms apart, and two grids of 21 instants each between them.
      const dates = Array.from({ length: 500 }, (_, index) => {
        const at = after(index * 4);
        const trigger = { type: 'date', at: at.toISOString() } as const;
        return finishedJob(`date-${index}`, 'echo', { ...written, trigger, nextOccurrenceAt: at, nextRunAt: at });
      });
      const grids = [1, 7].map((offset) => {
        const [first, last] = [after(offset), after(offset + 2_000)];
        const bounds = { anchor: first.toISOString(), startAt: first.toISOString(), endAt: last.toISOString() };
        const trigger = { type: 'interval', everySeconds: 0.1, ...bounds, jitterSeconds: 0 } as const;
        return finishedJob(`grid-${offset}`, 'echo', {
          ...written,
          trigger,
          nextOccurrenceAt: first,
          nextRunAt: first,
        });
      });
      await service.given(...dates, ...grids);
      // Its notice makes the scheduler set the alarms of all jobs that are new.
      const far = { name: 'far', task: 'echo', input: { text: 'x' }, trigger: { type: 'cron', expression: '@yearly' } };
      expect((await service.call('POST', '/jobs', far)).status).toBe(201);

      const counts = `SELECT count(*)::int AS ended, count(*) FILTER (WHERE queued_at < due_at)::int AS "queuedEarly",
          count(*) FILTER (WHERE started_at < due_at)::int AS "startedEarly",
          count(*) FILTER (WHERE lateness_ms < 0)::int AS "negativeLateness",
          count(DISTINCT queued_at) > 6 AS "notByPollsAlone"
        FROM cronzimus.runs WHERE state = 'succeeded'`;
      const ended = dates.length + 2 * 21;
      await eventually(async () => expect(await runSql(service.database, counts)).toMatchObject([{ ended }]), {
        within: 60_000,
      });
      // `queued_at` is the time at which the dispatcher asked what is due, rounded down to the millisecond.
      const none = { queuedEarly: 0, startedEarly: 0, negativeLateness: 0 };
      expect(await runSql(service.database, counts)).toEqual([{ ended, ...none, notByPollsAlone: true }]);
    } finally {
      await service.stop();
    }
  });
});

describe('the alarms', () => {
  it('are set for the exact instant of each job, and not for paused jobs', async () => {
    const lifecycle = app.get(SchedulerLifecycle, { strict: false });
    const at = { nextOccurrenceAt: NEXT_CENTURY, nextRunAt: NEXT_CENTURY, updatedAt: new Date() };
    const trigger = { type: 'date', at: NEXT_CENTURY.toISOString() } as const;
    await givenJobs(scheduler, [jobRow('far', { ...at, trigger }), jobRow('asleep', { ...at, trigger, paused: true })]);
    await lifecycle.start();
    try {
      const alarms = app.get(SchedulerRegistry, { strict: false }).getCronJobs();
      const clock = app.get(DatabaseClock, { strict: false });
      await eventually(() => expect([...alarms.keys()]).toEqual(['far']));
      expect(alarms.get('far')!.isActive).toBe(true);
      const firesAt = alarms.get('far')!.nextDate().toMillis();
      expect(Math.abs(firesAt - Date.now() - clock.until(NEXT_CENTURY))).toBeLessThan(1_000);
    } finally {
      await lifecycle.stop();
    }
    expect(app.get(SchedulerRegistry, { strict: false }).getCronJobs().size).toBe(0);
  });

  it('are set for the 10,000 jobs that are due next, when there are more', async () => {
    const lifecycle = app.get(SchedulerLifecycle, { strict: false });
    const registry = app.get(SchedulerRegistry, { strict: false });
    registry.addCronJob('of a user', CronJob.from({ cronTime: NEXT_CENTURY, onTick: () => {} }));
    await givenJobs(scheduler, [jobRow('pattern', { paused: true })]);
    await runSql(
      database.url,
      `INSERT INTO cronzimus.jobs SELECT (jsonb_populate_record(job, jsonb_build_object('id', gen_random_uuid(), 'paused', false,
         'name', 'one-of-many-' || n, 'next_run_at', timestamptz '2100-01-01' + n * interval '1 s'))).*
       FROM cronzimus.jobs job, generate_series(1, 10050) AS n`,
    );
    await lifecycle.start();
    try {
      const ours = () => [...registry.getCronJobs().keys()].filter((name) => name.startsWith('one-of-many-'));
      await eventually(() => expect(ours()).toHaveLength(10_000), { within: 30_000 });
      const numbers = ours().map((name) => Number(name.slice('one-of-many-'.length)));
      expect(Math.max(...numbers)).toBe(10_000);
    } finally {
      await lifecycle.stop();
    }
    expect([...registry.getCronJobs().keys()]).toEqual(['of a user']);
    registry.deleteCronJob('of a user');
  });
});
