import { Client } from 'pg';
import type { Job } from '../src/jobs/definition/job.entity.js';
import { runSql } from './support/run-sql.js';
import { eventually } from './support/eventually.js';
import { EVERY_SECOND, jobRow } from './support/jobs.js';
import { runIdAt } from './support/run-id-at.js';
import { type Page, type RunAnswer, finishedJob, TestService } from './support/service.js';

let service: TestService;
beforeAll(async () => {
  service = await TestService.start({ WORKER_CONCURRENCY: '4', TRANSACTIONAL_POOL_MAX: '2' });
  await runSql(service.database, 'CREATE TABLE public.ledger (entry text)');
});
afterAll(() => service.stop());

interface Backfilled {
  count: number;
  runs: RunAnswer[];
  occurrences?: string[];
}

const NEXT = new Date('2100-01-01T00:00:00Z');
const hourly = {
  type: 'cron',
  expression: '0 * * * *',
  timeZone: 'UTC',
  startAt: null,
  endAt: null,
  jitterSeconds: 0,
} as const;
/** An hourly job whose next occurrence is far in the future. */
const given = (name: string, task: string, written: Partial<Job> = {}) =>
  service.given(jobRow(name, { task, trigger: hourly, nextOccurrenceAt: NEXT, nextRunAt: NEXT, ...written }));
const backfill = (job: string, body: object, headers = {}) =>
  service.call<Backfilled>('POST', `/jobs/${job}/backfill`, body, headers);
const day = { from: '2026-03-01T00:00:00Z', to: '2026-03-02T00:00:00Z' };
const hours = Array.from({ length: 24 }, (_, hour) => new Date(Date.UTC(2026, 2, 1, hour)).toISOString());
const instants = (runs: RunAnswer[]) => runs.map(({ scheduledAt }) => scheduledAt as string);
const runs = async (job: string, query = '') =>
  (await service.get<Page<RunAnswer>>(`/runs?job=${job}&limit=500${query}`)).items;
const countOf = async (job: string, state: string) => (await runs(job, `&state=${state}`)).length;

describe('a backfill', () => {
  it('runs each occurrence of the range once, however often it is requested', async () => {
    await given('day', 'echo', { input: { text: 'x' } });
    const first = await backfill('day', day);
    expect(first).toMatchObject({ status: 202, body: { count: 24 } });
    expect(instants(first.body.runs)).toEqual(hours);
    expect(first.body.runs[0]).toMatchObject({ job: 'day', kind: 'backfill', state: 'pending', latenessMs: null });
    expect((await backfill('day', day)).body).toEqual({ count: 0, runs: [] });
    await eventually(async () => expect(await countOf('day', 'succeeded')).toBe(24));
    expect((await backfill('day', day)).body).toEqual({ count: 0, runs: [] });
    const latenesses = (await runs('day')).map(({ latenessMs }) => latenessMs as number);
    expect(Math.max(...latenesses)).toBeLessThan(60_000);
    expect(await service.get('/jobs/day')).toMatchObject({ nextRunAt: NEXT.toISOString(), version: 1 });
  });

  it('creates one run for each occurrence for ten concurrent requests', async () => {
    await given('asked-by-ten', 'wait');
    const answers = await Promise.all(Array.from({ length: 10 }, () => backfill('asked-by-ten', day)));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 202));
    expect(answers.reduce((sum, { body }) => sum + body.count, 0)).toBe(24);
    expect(instants(await runs('asked-by-ten')).toReversed()).toEqual(hours);
    await service.call('POST', '/jobs/asked-by-ten/backfill/cancel');
  });

  it('with dryRun only counts', async () => {
    await given('dry', 'echo', { input: { text: 'x' } });
    const dry = await backfill('dry', { ...day, dryRun: true });
    expect(dry).toMatchObject({ status: 202, body: { count: 24, runs: [], occurrences: hours } });
    const year = await backfill('dry', { from: '2025-03-02T00:00:00Z', to: day.to, dryRun: true });
    expect(year.body.count).toBe(8_760);
    expect(year.body.occurrences).toHaveLength(100);
    expect(await runs('dry')).toEqual([]);
  });

  it('leaves out occurrences with a run of any kind that succeeded or is unfinished, unless forced', async () => {
    await given('gaps', 'wait');
    const states = ['succeeded', 'pending', 'retrying', 'failed', 'cancelled', 'timed_out', 'skipped', 'missed'];
    const kinds = ['schedule', 'catch_up', 'backfill', 'retry', 'manual'];
    // One hour each, held, so that they do not start.
    await runSql(
      service.database,
      `INSERT INTO cronzimus.runs (id, job_id, job, task, kind, state, held, scheduled_at, due_at, queued_at, priority,
         timeout_seconds, retry, on_interruption, input)
       SELECT ${runIdAt('now()')}, id, name, task, kind, state, true,
         timestamptz '2026-03-01T00:00:00Z' + (row_number() OVER () - 1) * interval '1 hour', now(), now(), 0, 1, retry, 'fail', '{}'
       FROM cronzimus.jobs,
         (SELECT * FROM unnest(ARRAY['${states.join("','")}']) AS state, unnest(ARRAY['${kinds.join("','")}']) AS kind) made
       WHERE name = 'gaps'`,
    );
    const two = { from: day.from, to: '2026-03-02T16:00:00Z' };
    const done = await runSql(
      service.database,
      `SELECT scheduled_at AS at FROM cronzimus.runs WHERE job = 'gaps' AND kind <> 'manual'
         AND state IN ('succeeded', 'pending', 'retrying')`,
    );
    expect(done).toHaveLength(12);
    const { body } = await backfill('gaps', two);
    expect(body.count).toBe(40 - 12);
    const made = new Set(instants(body.runs));
    expect(done.filter(({ at }) => made.has((at as Date).toISOString()))).toEqual([]);
    expect((await backfill('gaps', { ...two, force: true, dryRun: true })).body.count).toBe(40);
    expect((await backfill('gaps', { from: hours[0], to: hours[1], force: true })).body.count).toBe(1);
    await service.call('POST', '/jobs/gaps/backfill/cancel');
    await service.call('DELETE', '/jobs/gaps');
  });

  it('ends before the next occurrence', async () => {
    const next = new Date('2026-03-01T10:00:00Z');
    await given('clipped', 'echo', { nextOccurrenceAt: next, paused: true });
    expect((await backfill('clipped', { ...day, dryRun: true })).body.occurrences).toEqual(hours.slice(0, 10));
    const future = await backfill('clipped', { from: '2026-03-01T10:00:00Z', to: day.to });
    expect(future).toMatchObject({ status: 422, body: { code: 'BACKFILL_IN_FUTURE', errors: [{ path: '/from' }] } });
  });

  it('covers all occurrences of a finished job', async () => {
    const trigger = { ...hourly, endAt: '2026-03-01T05:00:00.000Z' };
    await service.given(finishedJob('ended', 'echo', { trigger }));
    expect((await backfill('ended', { ...day, dryRun: true })).body.occurrences).toEqual(hours.slice(0, 6));
  });

  it.each<[string, object, string]>([
    ['the wrong way round', { from: day.to, to: day.from }, '/to'],
    ['of no length', { from: day.from, to: day.from }, '/to'],
    ['without an end', { from: day.from }, '/to'],
    ['without a zone', { from: '2026-03-01T00:00:00', to: day.to }, '/from'],
    ['with an unknown field', { ...day, dryrun: true }, '/dryrun'],
  ])('of a range %s is refused', async (_case, body, path) => {
    expect(await backfill('day', body)).toMatchObject({ status: 422, body: { errors: [{ path }] } });
  });

  it('creates 10,000 runs, and refuses one more', async () => {
    await given('many', 'wait', { trigger: EVERY_SECOND });
    const from = '2026-03-01T00:00:00.000Z';
    const to = (seconds: number) => new Date(Date.parse(from) + seconds * 1_000).toISOString();
    const refused = await backfill('many', { from, to: to(10_001) });
    expect(refused).toMatchObject({ status: 422, body: { code: 'BACKFILL_TOO_LARGE' } });
    const { body } = await backfill('many', { from, to: to(10_000) });
    expect(body.count).toBe(10_000);
    expect(body.runs).toHaveLength(10_000);
    expect(new Set(instants(body.runs)).size).toBe(10_000);
    expect((await service.call('DELETE', '/jobs/many')).status).toBe(204);
    await eventually(async () => expect(await countOf('many', 'cancelled')).toBeGreaterThan(0));
    for (const { id } of await runs('many', '&state=running')) await service.call('POST', `/runs/${id}/cancel`);
  });

  it('with an Idempotency-Key returns the same runs again', async () => {
    await given('keyed', 'wait');
    const key = { 'Idempotency-Key': 'backfill-1' };
    const first = await backfill('keyed', day, key);
    const again = await backfill('keyed', { force: false, ...day, to: '2026-03-02T00:00:00.000Z' }, key);
    expect(again.body.runs.map(({ id }) => id)).toEqual(first.body.runs.map(({ id }) => id));
    expect(await runs('keyed')).toHaveLength(24);
    const other = await backfill('keyed', { ...day, force: true }, key);
    expect(other).toMatchObject({ status: 422, body: { code: 'IDEMPOTENCY_KEY_REUSED' } });
    await service.call('POST', '/jobs/keyed/backfill/cancel');
  });
});

describe('live runs', () => {
  it('do not wait for a backfill, which uses half of the slots', async () => {
    // The highest priority that a job can have.
    await given('slow', 'wait', { priority: 32_767 });
    await service.given(finishedJob('live', 'echo', { input: { text: 'x' }, priority: -32_768 }));
    await backfill('slow', day);
    await eventually(async () => expect(await countOf('slow', 'running')).toBe(2));
    for (let round = 0; round < 3; round += 1) await service.run('live', 'succeeded');
    expect(await countOf('slow', 'running')).toBe(2);
    await service.given(finishedJob('filling', 'wait', { overlap: 'allow' }));
    for (let at = 0; at < 4; at += 1) await service.call('POST', '/jobs/filling/run');
    await eventually(async () => expect(await countOf('filling', 'running')).toBe(2));

    // A slot that becomes free goes to the live runs first.
    const [ended] = await runs('slow', '&state=running');
    await service.call('POST', `/runs/${ended!.id}/cancel`);
    await eventually(async () => expect(await countOf('filling', 'running')).toBe(3));
    expect(await countOf('slow', 'running')).toBe(1);
    expect((await service.call('POST', '/jobs/slow/backfill/cancel')).body).toEqual({ count: 23 });
    await eventually(async () => expect(await countOf('filling', 'running')).toBe(4));
    for (const { id } of await runs('filling')) await service.call('POST', `/runs/${id}/cancel`);
    await eventually(async () => expect(await countOf('filling', 'cancelled')).toBe(4));
  });

  it('get connections for transactional attempts', async () => {
    await given('booked', 'ledger', { input: { entry: 'slow', ending: 'wait' }, timeoutSeconds: 30 });
    // Holds the lock that the task waits for.
    const holder = new Client({ connectionString: service.database });
    await holder.connect();
    await holder.query('SELECT pg_advisory_lock(4711)');
    try {
      await backfill('booked', day);
      await eventually(async () => expect(await countOf('booked', 'running')).toBe(1));
      await service.given(finishedJob('booking', 'ledger', { input: { entry: 'live' } }));
      await service.run('booking', 'succeeded');
      expect(await countOf('booked', 'running')).toBe(1);
    } finally {
      await service.call('POST', '/jobs/booked/backfill/cancel');
      await holder.end();
    }
  });

  it('of the same job are not held by its overlap policy', async () => {
    await given('strict', 'wait', { overlap: 'skip' });
    await backfill('strict', { from: hours[0], to: hours[3] });
    await eventually(async () => expect(await countOf('strict', 'running')).toBe(2));
    const { body } = await service.call<RunAnswer>('POST', '/jobs/strict/run');
    await service.reaches(body.id, 'running');
    await service.call('POST', `/runs/${body.id}/cancel`);
    await service.call('POST', '/jobs/strict/backfill/cancel');
  });
});

describe('the cancel of a backfill', () => {
  it('cancels what has not started, signals what runs, and leaves other runs alone', async () => {
    await given('regretted', 'wait', { overlap: 'allow' });
    await backfill('regretted', day);
    await eventually(async () => expect(await countOf('regretted', 'running')).toBe(2));
    const manual = await service.run('regretted', 'running');
    const cancelled = await service.call('POST', '/jobs/regretted/backfill/cancel');
    expect(cancelled).toMatchObject({ status: 202, body: { count: 24 } });
    await eventually(async () => expect(await countOf('regretted', 'cancelled')).toBe(24));
    expect((await service.get<RunAnswer>(`/runs/${manual.id}`)).state).toBe('running');
    expect((await service.call('POST', '/jobs/regretted/backfill/cancel')).body).toEqual({ count: 0 });
    expect((await service.call('POST', '/jobs/nowhere/backfill/cancel')).status).toBe(404);
    await service.call('POST', `/runs/${manual.id}/cancel`);
  });

  it('does not deadlock with workers that claim the runs it cancels', async () => {
    await given('hasty', 'wait');
    for (let round = 0; round < 15; round += 1) {
      expect((await backfill('hasty', { ...day, force: true })).body.count).toBe(24);
      expect(await service.call('POST', '/jobs/hasty/backfill/cancel')).toMatchObject({ status: 202 });
    }
    await eventually(async () => expect(await countOf('hasty', 'cancelled')).toBe(15 * 24));
    expect(await runSql(service.database, 'SELECT FROM cronzimus.run_queue')).toEqual([]);
  });
});
