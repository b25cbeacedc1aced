import { getDataSourceToken } from '@nestjs/typeorm';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { DataSource } from 'typeorm';
import { SCHEDULER } from '../src/database/data-source.js';
import { switchLock } from '../src/jobs/dispatch/due-jobs.js';
import { Dispatcher } from '../src/jobs/dispatch/dispatcher.js';
import { SchedulerSwitch } from '../src/scheduler/scheduler-switch.js';
import { createTestApplication } from './support/application.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { eventually } from './support/eventually.js';
import { ANONYMOUS, EVERY_SECOND, givenJobs, jobRow } from './support/jobs.js';
import { runSql } from './support/run-sql.js';

let database: TestDatabase;
let app: NestExpressApplication;
beforeEach(async () => {
  database = await createTestDatabase();
  app = await createTestApplication(database.url);
});
afterEach(async () => {
  await app.close();
  await database.drop();
});

/** Jobs with an occurrence each 50 ms, so that more become due than anybody dispatches. */
async function givenOverload(jobs: number): Promise<void> {
  const now = new Date(Math.floor(Date.now() / 1000) * 1000 - 1000);
  const trigger = { ...EVERY_SECOND, everySeconds: 0.05 };
  const due = { trigger, nextOccurrenceAt: now, nextRunAt: now };
  const rows = Array.from({ length: jobs }, (_, n) => jobRow(`often-${n}`, due));
  await givenJobs(app.get(getDataSourceToken(SCHEDULER), { strict: false }), rows);
}

const WAITING = `SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
const sql = (statement: string) => runSql(database.url, statement.replaceAll('$', 'cronzimus.'));

it('a pause takes effect while more occurrences become due than are dispatched', async () => {
  await givenOverload(200);
  const dispatcher = app.get(Dispatcher, { strict: false });
  const over = new AbortController();
  const others = [1, 2].map(async () => {
    while (!over.signal.aborted) await dispatcher.dispatchDue(2);
  });
  const [before] = await sql('SELECT clock_timestamp() AS now');
  const view = await app.get(SchedulerSwitch, { strict: false }).pause(ANONYMOUS);
  over.abort();
  await Promise.all(others);
  expect(view).toMatchObject({ paused: true, gap: { jobs: 200 } });

  // All that was due before has a row, and nothing is dispatched any more.
  const { now } = before as { now: Date };
  const [next] = await sql('SELECT min(next_occurrence_at) AS first FROM $jobs');
  expect((next as { first: Date }).first.getTime()).toBeGreaterThan(now.getTime());
  const state = await sql('SELECT name, next_occurrence_at FROM $jobs ORDER BY name');
  expect((await dispatcher.dispatchDue()).decisions).toEqual([]);
  expect(await sql('SELECT name, next_occurrence_at FROM $jobs ORDER BY name')).toEqual(state);
  expect(
    await sql(`SELECT count(DISTINCT job)::int FROM $runs WHERE state <> 'skipped' OR reason <> 'paused'`),
  ).toEqual([{ count: 200 }]);
  expect(await sql(`SELECT count(*)::int FROM $runs WHERE reason = 'paused'`)).toEqual([{ count: 0 }]);
}, 60_000);

it('a pause that waits for a long transaction does not stop the others', async () => {
  await givenOverload(20);
  const importing = app.get<DataSource>(getDataSourceToken(SCHEDULER), { strict: false }).createQueryRunner();
  await importing.startTransaction();
  await importing.query(`SET LOCAL search_path TO cronzimus; SELECT pg_advisory_xact_lock_shared(${switchLock})`);
  const pausing = app.get(SchedulerSwitch, { strict: false }).pause(ANONYMOUS);
  await eventually(async () => expect(await sql(WAITING)).toEqual([{ count: 1 }]));
  // They would wait behind the pause, and the pause for the long transaction until it fails.
  for (const _each of [1, 2, 3]) await app.get(Dispatcher, { strict: false }).dispatchDue();
  await importing.rollbackTransaction();
  await importing.release();
  expect(await pausing).toMatchObject({ paused: true });
}, 60_000);

it('a job can be dispatched after the resume, with one row for the pause', async () => {
  await givenOverload(20);
  const scheduler = app.get(SchedulerSwitch, { strict: false });
  await scheduler.pause(ANONYMOUS);
  await eventually(async () => {
    const due = await sql('SELECT count(*)::int FROM $jobs WHERE next_occurrence_at < statement_timestamp()');
    expect(due).toEqual([{ count: 20 }]);
  });
  expect(await scheduler.resume(ANONYMOUS)).toMatchObject({ paused: false });
  await app.get(Dispatcher, { strict: false }).dispatchDue();
  expect(await sql(`SELECT count(*)::int FROM $runs WHERE reason = 'paused'`)).toEqual([{ count: 20 }]);
});
