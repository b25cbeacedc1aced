import type { NestExpressApplication } from '@nestjs/platform-express';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { SCHEDULER } from '../src/database/data-source.js';
import { completeTrigger, type TriggerDefinition } from '../src/core/triggers/trigger.js';
import { JobDefinitionsService } from '../src/jobs/api/job-definitions.service.js';
import { JobsService } from '../src/jobs/api/jobs.service.js';
import type { Job } from '../src/jobs/definition/job.entity.js';
import { DispatchLoop } from '../src/jobs/dispatch/dispatch-loop.js';
import { Replicas } from '../src/replicas/replicas.js';
import { SchedulerHealth } from '../src/health/scheduler.health.js';
import { SchedulerSwitch } from '../src/scheduler/scheduler-switch.js';
import { createTestApplication } from './support/application.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { eventually } from './support/eventually.js';
import { ANONYMOUS, givenJobs, jobRow } from './support/jobs.js';
import { runSql } from './support/run-sql.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** With the data of this process, whichever they are, Phoenix is seven hours behind UTC all year. */
const OFFSET = -7 * HOUR;

let database: TestDatabase;
let app: NestExpressApplication;
beforeEach(async () => {
  database = await createTestDatabase();
  app = await createTestApplication(database.url);
});
afterEach(async () => {
  await dispatchLoop().stop();
  await app.close();
  await database.drop();
});

const dispatchLoop = () => app.get(DispatchLoop, { strict: false });
const definitions = () => app.get(JobDefinitionsService, { strict: false });
const CALLER = { key: 'test', signal: new AbortController().signal };
const jobs = () => app.get(JobsService, { strict: false });

/** A trigger that fires daily, `ms` from now by the data of this process. */
function dailyIn(ms: number, more: object = {}): { trigger: TriggerDefinition; at: Date } {
  const at = new Date(Math.floor((Date.now() + ms) / 1000) * 1000);
  const wall = new Date(at.getTime() + OFFSET);
  const expression = `${wall.getUTCSeconds()} ${wall.getUTCMinutes()} ${wall.getUTCHours()} * * *`;
  const input = { type: 'cron', expression, timeZone: 'America/Phoenix', ...more } as const;
  return { trigger: completeTrigger(input, { timeZone: 'UTC', createdAt: at }), at };
}

/** Stores a job as a process with other data would, in which the zone is `shift` ahead of what it is here. Its last occurrence was a
 *  day before. */
async function givenStored(
  name: string,
  trigger: TriggerDefinition,
  at: Date,
  shift: number,
  written: Partial<Job> = {},
) {
  const stored = new Date(at.getTime() - shift);
  const decided = { decidedUntil: new Date(stored.getTime() - DAY), decidedOffsetMs: OFFSET + shift };
  const next = { nextOccurrenceAt: stored, nextRunAt: stored };
  const row = jobRow(name, { task: 'table-sizes', trigger, ...next, tzVersion: '2000a', ...decided, ...written });
  await givenJobs(app.get(getDataSourceToken(SCHEDULER), { strict: false }), [row]);
  return stored;
}

const UNKNOWN = { tzVersion: null, decidedUntil: null, decidedOffsetMs: null };
const runs = (name: string) =>
  runSql(
    database.url,
    `SELECT scheduled_at, kind, state, reason, missed_to FROM cronzimus.runs WHERE job = '${name}' ORDER BY scheduled_at`,
  );
const row = async (name: string) =>
  (await runSql(database.url, `SELECT * FROM cronzimus.jobs WHERE name = '${name}'`))[0]!;
const isCurrent = async (name: string) =>
  eventually(async () => expect(await row(name)).toMatchObject({ tz_version: process.versions.tz }));

describe.each<[string, Partial<Job>]>([
  ['stored with the version of the data', {}],
  ['stored by a release that did not store it', UNKNOWN],
])('an occurrence whose instant new zone data change, %s,', (_case, written) => {
  it('runs once, as a misfire, when the new data put it into the past', async () => {
    const { trigger, at } = dailyIn(-10 * MINUTE);
    const stored = await givenStored('early', trigger, at, -HOUR, written);
    expect(stored.getTime()).toBeGreaterThan(Date.now());
    dispatchLoop().startDispatching();
    const caughtUp = { scheduled_at: at, kind: 'catch_up' };
    await eventually(async () => expect(await runs('early')).toMatchObject([caughtUp]));
    expect(await row('early')).toMatchObject({ next_occurrence_at: new Date(at.getTime() + DAY) });
  });

  it('is one missed row when it is in the past and late ones do not run', async () => {
    const { trigger, at } = dailyIn(-10 * MINUTE);
    const misfire = { policy: 'skip', graceSeconds: 60, maxCatchUp: 100 } as const;
    await givenStored('missed', trigger, at, -HOUR, { ...written, misfire });
    dispatchLoop().startDispatching();
    const missed = { scheduled_at: at, state: 'missed', reason: 'misfire', missed_to: at };
    await eventually(async () => expect(await runs('missed')).toEqual([{ ...missed, kind: 'schedule' }]));
  });

  it('waits for its new instant when that is later, and does not run at the old one', async () => {
    const { trigger, at } = dailyIn(50 * MINUTE);
    const stored = await givenStored('later', trigger, at, HOUR, written);
    expect(stored.getTime()).toBeLessThan(Date.now());
    dispatchLoop().startDispatching();
    await isCurrent('later');
    expect(await row('later')).toMatchObject({ next_occurrence_at: at, next_run_at: at });
    expect(await runs('later')).toEqual([]);
  });

  it('moves while it is still to come, and is listed once', async () => {
    const { trigger, at } = dailyIn(5 * HOUR);
    await givenStored('ahead', trigger, at, HOUR, written);
    const days = [0, 1, 2].map((day) => new Date(at.getTime() + day * DAY));
    expect(await jobs().upcoming('ahead', 3, CALLER)).toEqual(days);
    dispatchLoop().startDispatching();
    await isCurrent('ahead');
    expect(await row('ahead')).toMatchObject({ next_occurrence_at: at, next_run_at: at });
    expect(await jobs().upcoming('ahead', 3, CALLER)).toEqual(days);
  });

  it('stays as it is when the data give it the same instant', async () => {
    const { trigger, at } = dailyIn(5 * HOUR);
    await givenStored('same', trigger, at, 0, written);
    dispatchLoop().startDispatching();
    await isCurrent('same');
    expect(await row('same')).toMatchObject({ next_occurrence_at: at, next_run_at: at });
  });
});

describe('when zone data change', () => {
  it('an occurrence that has run does not run again at its later instant', async () => {
    const { trigger, at } = dailyIn(50 * MINUTE);
    const ranAt = new Date(at.getTime() - HOUR);
    const next = new Date(ranAt.getTime() + DAY);
    await givenStored('ran', trigger, at, HOUR, { nextOccurrenceAt: next, nextRunAt: next, decidedUntil: ranAt });
    dispatchLoop().startDispatching();
    await isCurrent('ran');
    expect(await row('ran')).toMatchObject({ next_occurrence_at: new Date(at.getTime() + DAY) });
    expect(await runs('ran')).toEqual([]);
  });

  it('an occurrence that new data move before the end of its trigger runs, and one that they move behind it does not', async () => {
    const [past, next] = [dailyIn(-10 * MINUTE), dailyIn(10 * MINUTE)];
    const until = new Date(past.at.getTime() + HOUR - MINUTE).toISOString();
    await givenStored('into', { ...past.trigger, endAt: until } as TriggerDefinition, past.at, -HOUR, {
      nextOccurrenceAt: null,
      nextRunAt: null,
      decidedUntil: new Date(past.at.getTime() + HOUR - DAY),
    });
    await givenStored(
      'beyond',
      { ...next.trigger, endAt: new Date().toISOString() } as TriggerDefinition,
      next.at,
      HOUR,
    );
    dispatchLoop().startDispatching();
    await eventually(async () =>
      expect(await runs('into')).toMatchObject([{ scheduled_at: past.at, kind: 'catch_up' }]),
    );
    await isCurrent('beyond');
    expect(await row('beyond')).toMatchObject({ next_occurrence_at: null, next_run_at: null });
    expect(await runs('beyond')).toEqual([]);
  });

  it.each([HOUR, -HOUR])(
    'a time with a step goes on at the same instants, whatever the shift: %i ms',
    async (shift) => {
      const { trigger } = dailyIn(0);
      const at = new Date(Math.floor(Date.now() / 2_000) * 2_000 + 4_000);
      const steps = { ...trigger, expression: '*/2 * * * * *' } as TriggerDefinition;
      const decidedUntil = new Date(at.getTime() - 2_000);
      await givenStored('steps', steps, at, shift, {
        nextOccurrenceAt: at,
        nextRunAt: at,
        decidedUntil,
        overlap: 'allow',
      });
      dispatchLoop().startDispatching();
      await eventually(async () => expect((await runs('steps')).length).toBeGreaterThan(2));
      const instants = (await runs('steps')).slice(0, 3).map(({ scheduled_at }) => (scheduled_at as Date).getTime());
      expect(instants).toEqual([0, 1, 2].map((step) => at.getTime() + step * 2_000));
    },
  );

  it('a paused job gets one skipped row, and a job whose trigger cannot be read does not keep the others', async () => {
    const { trigger, at } = dailyIn(-10 * MINUTE);
    await givenStored('unreadable', { ...trigger, expression: 'x' } as TriggerDefinition, at, -HOUR);
    await givenStored('paused', trigger, at, -HOUR, { paused: true });
    dispatchLoop().startDispatching();
    await isCurrent('unreadable');
    await isCurrent('paused');
    await jobs().resume('paused', ANONYMOUS);
    expect(await runs('paused')).toMatchObject([{ scheduled_at: at, state: 'skipped', reason: 'paused' }]);
  });

  it('thousands of jobs are computed again in batches, and one that is locked later', async () => {
    const { trigger, at } = dailyIn(5 * HOUR);
    await givenStored('model', trigger, at, HOUR, { paused: true });
    await runSql(
      database.url,
      `INSERT INTO cronzimus.jobs SELECT (jsonb_populate_record(job, jsonb_build_object('id', gen_random_uuid(), 'name', 'one-of-many-' || n))).*
       FROM cronzimus.jobs job, generate_series(1, 1200) AS n`,
    );
    const outdated = () => runSql(database.url, `SELECT name FROM cronzimus.jobs WHERE tz_version = '2000a'`);
    const scheduler = app.get<DataSource>(getDataSourceToken(SCHEDULER), { strict: false });
    await scheduler.transaction(async (tx) => {
      await tx.query(`SELECT FROM cronzimus.jobs WHERE name = 'one-of-many-7' FOR UPDATE`);
      dispatchLoop().startDispatching();
      await eventually(async () => expect(await outdated()).toEqual([{ name: 'one-of-many-7' }]));
    });
    await eventually(async () => expect(await outdated()).toEqual([]));
    const found = await runSql(database.url, 'SELECT DISTINCT next_occurrence_at FROM cronzimus.jobs');
    expect(found).toEqual([{ next_occurrence_at: at }]);
  });
});

const newerEnds = () => runSql(database.url, 'DELETE FROM cronzimus.replicas');

describe('beside a scheduler with newer zone data', () => {
  const NEWER = { tzVersion: '9999z' };
  beforeEach(() =>
    runSql(
      database.url,
      `INSERT INTO cronzimus.replicas (name, app, tz_version, roles, started_at, seen_at)
       VALUES ('newer', 'cronzimus', '9999z', '{scheduler}', now(), now())`,
    ),
  );

  it('leaves its jobs to it, and takes them over with its own data when it has ended', async () => {
    const { trigger, at } = dailyIn(10 * HOUR);
    // By the newer data it is due, by those of this process in ten hours.
    const stored = await givenStored('theirs', trigger, at, 10 * HOUR, NEWER);
    const ours = dailyIn(-1_000);
    await givenStored('ours', ours.trigger, ours.at, 0, { tzVersion: process.versions['tz']! });
    dispatchLoop().startDispatching();
    await eventually(async () => expect(await runs('ours')).toHaveLength(1));
    expect(await row('theirs')).toMatchObject({ next_occurrence_at: stored, tz_version: '9999z' });
    expect(await runs('theirs')).toEqual([]);
    await newerEnds();
    await isCurrent('theirs');
    expect(await row('theirs')).toMatchObject({ next_occurrence_at: at });
  });

  it('shows the versions of all replicas, and whether they differ', async () => {
    const shown = () => app.get(SchedulerSwitch, { strict: false }).read();
    const health = () => app.get(SchedulerHealth, { strict: false }).check();
    expect(await shown()).toMatchObject({ replicas: [{ tzVersion: '9999z' }] });
    expect(await health()).toMatchObject({ zoneData: { status: 'up', versions: ['9999z'], differ: false } });
    await app.get(Replicas, { strict: false }).join();
    expect(await shown()).toMatchObject({ replicas: [{}, { tzVersion: process.versions.tz }] });
    const versions = [process.versions.tz, '9999z'];
    expect(await health()).toMatchObject({ zoneData: { status: 'up', versions, differ: true } });
    await app.get(Replicas, { strict: false }).leave();
  });

  it('keeps its instant in lists, at an edit and at a pause', async () => {
    const { trigger, at } = dailyIn(5 * HOUR);
    for (const shift of [HOUR, -HOUR]) {
      const name = `kept-${shift > 0 ? 'earlier' : 'later'}`;
      const stored = await givenStored(name, trigger, at, shift, NEWER);
      const upcoming = [stored, new Date(at.getTime() + DAY), new Date(at.getTime() + 2 * DAY)];
      expect(await jobs().upcoming(name, 3, CALLER)).toEqual(upcoming);
      await definitions().patch(name, ANONYMOUS, { priority: 1 }, {});
      await jobs().pause(name, ANONYMOUS);
      await jobs().resume(name, ANONYMOUS);
      const kept = { next_occurrence_at: stored, next_run_at: stored, tz_version: '9999z', priority: 1 };
      expect(await row(name)).toMatchObject(kept);
    }
  });

  it('gives what is due by those data one row before an edit of the trigger', async () => {
    const { trigger, at } = dailyIn(50 * MINUTE);
    const stored = await givenStored('edited', trigger, at, HOUR, NEWER);
    await definitions().patch('edited', ANONYMOUS, { trigger: { jitterSeconds: 1 } }, {});
    expect(await runs('edited')).toMatchObject([{ scheduled_at: stored, kind: 'catch_up' }]);
    expect(await row('edited')).toMatchObject({ next_occurrence_at: at, tz_version: process.versions['tz'] });
  });
});

const moves = (name: string, to: Date) =>
  runSql(
    database.url,
    `UPDATE cronzimus.jobs SET next_occurrence_at = '${to.toISOString()}', next_run_at = '${to.toISOString()}' WHERE name = '${name}'`,
  );

describe('a job that a replica of the previous release moves', () => {
  it('is computed again, without losing the occurrence that its data do not have', async () => {
    const { trigger, at } = dailyIn(-MINUTE / 2);
    await givenStored('jumped', trigger, at, 0, { tzVersion: process.versions['tz']! });
    await moves('jumped', new Date(at.getTime() + DAY - HOUR));
    expect(await row('jumped')).toMatchObject({ tz_version: null });
    dispatchLoop().startDispatching();
    await eventually(async () => expect(await runs('jumped')).toMatchObject([{ scheduled_at: at, kind: 'schedule' }]));
  });

  it('is computed again, without running the occurrence twice that it dispatched', async () => {
    const { trigger, at } = dailyIn(-MINUTE / 2);
    await givenStored('moved', trigger, at, HOUR, { nextRunAt: new Date() });
    const next = (await row('moved'))['next_occurrence_at'] as Date;
    await runSql(
      database.url,
      `INSERT INTO cronzimus.runs (id, job_id, job, task, kind, state, scheduled_at, due_at, queued_at, finished_at, priority, timeout_seconds, retry,
         on_interruption, input)
       SELECT gen_random_uuid(), id, name, task, 'schedule', 'succeeded', next_occurrence_at, now(), now(), now(), 0, 1, '{}', 'rerun', '{}' FROM cronzimus.jobs`,
    );
    await moves('moved', new Date(next.getTime() + DAY));
    dispatchLoop().startDispatching();
    await isCurrent('moved');
    expect(await row('moved')).toMatchObject({ next_occurrence_at: new Date(at.getTime() + DAY) });
    expect(await runs('moved')).toHaveLength(1);
  });
});
