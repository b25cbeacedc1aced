import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '../src/config/api-keys.js';
import { eventually } from './support/eventually.js';
import { EVERY_SECOND, jobRow } from './support/jobs.js';
import { runSql } from './support/run-sql.js';
import { type Page, type RunAnswer, TestService } from './support/service.js';

const keyOf = (role: string) => `key-of-${role}-0123456789`;
const HOUR = 3_600_000;
const SLOTS = 8;
let service: TestService;
beforeAll(async () => {
  const folder = await mkdtemp(join(process.env['TEST_SCRATCH']!, 'keys-'));
  const keys = ['viewer', 'admin'].map((role) => {
    return `- ${JSON.stringify({ name: `the-${role}`, role, sha256: sha256(keyOf(role)).toString('hex') })}\n`;
  });
  await writeFile(join(folder, 'keys.yaml'), keys.join(''));
  service = await TestService.start({
    API_KEYS_FILE: join(folder, 'keys.yaml'),
    WORKER_CONCURRENCY: String(SLOTS),
  });
});
afterAll(() => service.stop());

interface Explanation {
  verdict: string;
  because: string;
  evidence: { code: string; text: string; run?: string; by?: string | null }[];
  remedy: string | null;
  definition: { version: number } | null;
  neighbours: { before: string | null; after: string | null };
}
const call = <T = Record<string, unknown>>(method: string, path: string, body?: object, role = 'admin') =>
  service.call<T>(method, path, body, { Authorization: `Bearer ${keyOf(role)}` });
const sql = <T extends object>(text: string, values: unknown[] = []) => runSql<T>(service.database, text, values);
const iso = (ms: number) => new Date(ms).toISOString();
const explain = async (name: string, at: string | number, role = 'admin') => {
  const time = typeof at === 'number' ? iso(at) : at;
  const { status, body } = await call<Explanation>(
    'GET',
    `/jobs/${name}/explain?at=${encodeURIComponent(time)}`,
    undefined,
    role,
  );
  expect(status).toBe(200);
  return body;
};
const secondly = { task: 'echo', input: { text: 'hi' }, trigger: EVERY_SECOND, overlap: 'allow' };
const cron = (expression: string, timeZone = 'UTC') => ({
  ...secondly,
  trigger: { type: 'cron', expression, timeZone },
});
const made = (name: string, body: object = secondly) => call('PUT', `/jobs/${name}`, body);
const runs = async (name: string) =>
  (await call<Page<RunAnswer & { scheduledAt: string }>>('GET', `/runs?job=${name}&limit=500`)).body.items.toReversed();
/** Waits until a job has a run that matches, and returns it. */
const reaches = (name: string, expected: object) =>
  eventually(async () => {
    const found = (await runs(name)).find((run) =>
      Object.entries(expected).every(([key, value]) => run[key] === value),
    );
    if (!found) throw new Error(`no run of ${name} is ${JSON.stringify(expected)}`);
    return found;
  });
/** Lets the current version of a job begin earlier. */
const since = (name: string, at: number | string) =>
  sql('UPDATE cronzimus.job_versions SET valid_from = $2 WHERE job = $1 AND valid_to IS NULL', [name, new Date(at)]);
const remove = (name: string) => call('DELETE', `/jobs/${name}`);
const hour = () => Math.floor(Date.now() / HOUR) * HOUR;

/** A job that was not dispatched for the last two hours. */
async function givenOutage(name: string, policy: string): Promise<number> {
  const from = Math.floor(Date.now() / 60_000) * 60_000 - 2 * HOUR;
  const trigger = { ...EVERY_SECOND, everySeconds: 60 };
  await made(name, { ...secondly, trigger, misfire: { policy, graceSeconds: 60 }, paused: true });
  await since(name, from - 1);
  await sql('DELETE FROM cronzimus.job_pauses WHERE job = $1', [name]);
  await sql(
    'UPDATE cronzimus.jobs SET paused = false, declared_paused = false, next_occurrence_at = $2, next_run_at = $2 WHERE name = $1',
    [name, new Date(from)],
  );
  await reaches(name, { state: 'missed' });
  return from;
}

describe('an instant that is no occurrence', () => {
  it('is explained field by field, with its neighbours', async () => {
    await made('fields', cron('0,30 * * * *'));
    await since('fields', hour() - 3 * HOUR);
    expect(await explain('fields', hour() - 2 * HOUR + 300_000)).toMatchObject({
      verdict: 'not_due',
      because: expect.stringContaining('The minute is 5'),
      evidence: [{ code: 'definition' }, { code: 'not_matching' }],
      neighbours: { before: iso(hour() - 2 * HOUR), after: iso(hour() - 1.5 * HOUR) },
    });
  });

  it.each([
    ['a local time that a clock change skipped', '2026-03-29T02:30:00+01:00', 'did not exist'],
    ['a local time that came twice', '2026-10-25T02:30:00+01:00', 'came twice'],
  ])('because of %s', async (_case, at, because) => {
    await made('clocks', cron('30 2 * * *', 'Europe/Berlin'));
    await since('clocks', '2026-01-01T00:00:00Z');
    expect(await explain('clocks', at)).toMatchObject({
      verdict: 'clock_change',
      because: expect.stringContaining(because),
      evidence: [{}, { code: 'clock_change', at: expect.any(String) }],
    });
  });

  it('because the trigger has ended', async () => {
    await made('over', { ...secondly, trigger: { ...EVERY_SECOND, endAt: '2026-06-01T00:00:00Z' } });
    await since('over', '2026-01-01T00:00:00Z');
    expect(await explain('over', '2026-06-01T00:00:01Z')).toMatchObject({
      verdict: 'ended',
      neighbours: { after: null },
    });
  });
});

describe('an occurrence', () => {
  it('that ran', async () => {
    await made('on-time');
    const run = await reaches('on-time', { state: 'succeeded' });
    await remove('on-time');
    expect(await explain('on-time', run.scheduledAt)).toMatchObject({
      verdict: 'ran',
      evidence: [{ code: 'definition' }, { code: 'run', run: run.id }],
      remedy: null,
      definition: { version: 1 },
    });
  });

  it('is explained with its fields in the order of the documentation', async () => {
    await made('ordered');
    const run = await reaches('ordered', { state: 'succeeded' });
    await remove('ordered');
    expect(Object.keys(await explain('ordered', run.scheduledAt))).toEqual([
      'at',
      'verdict',
      'because',
      'evidence',
      'remedy',
      'definition',
      'neighbours',
    ]);
  });

  it('that failed in its only attempt, which was on time', async () => {
    await made('fails', { ...secondly, task: 'fail', input: { attempts: 9 }, retry: { limit: 0, delaySeconds: 0 } });
    const run = await reaches('fails', { state: 'failed' });
    await remove('fails');
    expect(await explain('fails', run.scheduledAt)).toMatchObject({
      verdict: 'ran',
      because: expect.stringContaining('ended as failed'),
      evidence: [{}, { code: 'run' }, { code: 'attempt', text: expect.stringContaining('E_FAILED') }],
    });
  });

  it('that was late because it was tried again', async () => {
    await made('again', { ...secondly, task: 'fail', input: { attempts: 1 }, retry: { limit: 1, delaySeconds: 0 } });
    const run = await reaches('again', { state: 'succeeded' });
    await remove('again');
    expect(await explain('again', run.scheduledAt)).toMatchObject({
      verdict: 'late',
      because: expect.stringContaining('tried again'),
      evidence: [{}, { code: 'run' }, { code: 'attempt', text: expect.stringContaining('E_FAILED') }],
    });
  });

  it('that was late because its replica was lost', async () => {
    await made('lost');
    const run = await reaches('lost', { state: 'succeeded' });
    await remove('lost');
    await sql(
      `WITH again AS (UPDATE cronzimus.runs SET attempt = 2 WHERE id = $1)
       INSERT INTO cronzimus.run_attempts (run_id, number, replica, started_at, finished_at, state, error)
       VALUES ($1, 1, '3 host-2 pid 7', now(), now(), 'failed', '{"name": "WorkerLost", "message": "", "code": "WORKER_LOST"}')`,
      [run.id],
    );
    expect(await explain('lost', run.scheduledAt)).toMatchObject({
      verdict: 'late',
      because: expect.stringContaining('lost with its replica 3 host-2 pid 7'),
    });
  });

  it('that was missed in an outage, and one that was caught up', async () => {
    const from = await givenOutage('outage', 'once');
    expect(await explain('outage', from + 60_000)).toMatchObject({
      verdict: 'missed',
      evidence: [{}, { code: 'run', text: expect.stringContaining('The row is for all occurrences') }],
    });
    const caught = await givenOutage('outage.all', 'all').then(() => reaches('outage.all', { kind: 'catch_up' }));
    expect(await explain('outage.all', caught.scheduledAt)).toMatchObject({
      verdict: 'late',
      because: expect.stringContaining('caught up'),
    });
  });

  it('that was skipped, with the run that was in its way', async () => {
    await made('busy', { ...secondly, task: 'wait', input: {}, overlap: 'skip' });
    const running = await reaches('busy', { state: 'running' });
    const skipped = await reaches('busy', { state: 'skipped' });
    expect(await explain('busy', skipped.scheduledAt)).toMatchObject({
      verdict: 'skipped',
      because: expect.stringContaining(running.id),
      evidence: [{}, { code: 'run', run: skipped.id }, { code: 'blocked_by', run: running.id }],
    });
    await remove('busy');
    await call('POST', `/runs/${running.id}/cancel`);
  });

  it('that was cancelled before it could start', async () => {
    await made('queued', { ...secondly, task: 'wait', input: {}, overlap: 'queue' });
    const running = await reaches('queued', { state: 'running' });
    const held = await reaches('queued', { state: 'pending' });
    expect((await call('GET', `/runs/${held.id}`)).body).toMatchObject({ waitsFor: { code: 'held', run: running.id } });
    expect(await explain('queued', held.scheduledAt)).toMatchObject({
      verdict: 'late',
      because: expect.stringContaining('another run'),
    });
    await remove('queued');
    expect(await explain('queued', held.scheduledAt)).toMatchObject({
      verdict: 'cancelled',
      because: expect.stringContaining('job_deleted'),
    });
    await call('POST', `/runs/${running.id}/cancel`);
  });

  it('of a pause, with its reason, and with who paused it only for admins', async () => {
    await made('asleep');
    await call('POST', '/jobs/asleep/pause', { reason: 'move' });
    const [next] = await sql<{ at: Date }>(`SELECT next_occurrence_at AS at FROM cronzimus.jobs WHERE name = 'asleep'`);
    const at = next!.at.toISOString();
    await eventually(async () =>
      expect(await explain('asleep', at)).toMatchObject({ verdict: 'paused', because: 'The job is paused.' }),
    );
    await call('POST', '/jobs/asleep/resume');
    const pause = { code: 'pause', text: expect.stringContaining('move') };
    expect(await explain('asleep', at)).toMatchObject({
      verdict: 'paused',
      because: 'The job was paused.',
      evidence: [{ by: 'the-admin' }, {}, { ...pause, by: 'the-admin' }],
    });
    const { evidence } = await explain('asleep', at, 'viewer');
    expect(evidence).toMatchObject([{}, {}, pause]);
    for (const fact of evidence) expect(fact).not.toHaveProperty('by');
    await remove('asleep');
  });

  it('of a pause of the scheduler', async () => {
    await made('all.asleep');
    await reaches('all.asleep', { state: 'succeeded' });
    await call('POST', '/scheduler/pause', { reason: 'migration' });
    const at = Math.ceil(Date.now() / 1000) * 1000 + 1000;
    await eventually(() => expect(Date.now()).toBeGreaterThan(at));
    expect(await explain('all.asleep', at)).toMatchObject({
      verdict: 'paused',
      because: 'The whole scheduler is paused.',
    });
    await call('POST', '/scheduler/resume');
    await reaches('all.asleep', { reason: 'paused' });
    expect(await explain('all.asleep', at)).toMatchObject({
      verdict: 'paused',
      because: 'The whole scheduler was paused.',
      evidence: [{}, {}, { code: 'scheduler_pause', text: expect.stringContaining('migration') }],
    });
    await remove('all.asleep');
  });

  it('that is overdue, because dispatching it has failed', async () => {
    await made('stuck', cron('0 * * * *'));
    const at = hour();
    await since('stuck', at - HOUR);
    await sql(
      `UPDATE cronzimus.jobs SET next_occurrence_at = $1, next_run_at = now() + interval '1 hour' WHERE name = 'stuck'`,
      [new Date(at)],
    );
    expect(await explain('stuck', at)).toMatchObject({
      verdict: 'overdue',
      because: expect.stringContaining('has failed'),
    });
  });

  it('that is to come, and what stands in its way', async () => {
    await made('coming', cron('0 * * * *'));
    const at = hour() + HOUR;
    expect(await explain('coming', at)).toMatchObject({
      verdict: 'future',
      remedy: null,
      evidence: [{ code: 'definition' }],
    });
    await call('POST', '/jobs/coming/pause', { until: iso(at + 1) });
    expect(await explain('coming', at)).toMatchObject({ verdict: 'future', evidence: [{}, { code: 'pause' }] });
    await call('POST', '/jobs/coming/pause', { until: iso(at) });
    expect(await explain('coming', at)).toMatchObject({ verdict: 'future', remedy: null });
    await sql(`UPDATE cronzimus.jobs SET task = 'gone', paused_until = NULL, paused = false WHERE name = 'coming'`);
    await sql(`UPDATE cronzimus.job_pauses SET ended_at = now() WHERE job = 'coming'`);
    expect(await explain('coming', at)).toMatchObject({ evidence: [{}, { code: 'no_worker' }] });
  });

  it('whose row was pruned, and one whose row is gone without a reason', async () => {
    await made('gone');
    const run = await reaches('gone', { state: 'succeeded' });
    await remove('gone');
    await sql('DELETE FROM cronzimus.runs WHERE id = $1', [run.id]);
    expect(await explain('gone', run.scheduledAt)).toMatchObject({ verdict: 'unexplained' });
    await sql(`UPDATE cronzimus.history_bounds SET pruned_until = $1::timestamptz + interval '1 s'`, [run.scheduledAt]);
    expect(await explain('gone', run.scheduledAt)).toMatchObject({
      verdict: 'pruned',
      evidence: [{ code: 'definition' }, { code: 'retention' }],
    });
    await sql('UPDATE cronzimus.history_bounds SET pruned_until = NULL');
  });
});

it('an occurrence whose row the database has lost is explained by the loss', async () => {
  await made('lost.row');
  const run = await reaches('lost.row', { state: 'succeeded' });
  await remove('lost.row');
  await sql('DELETE FROM cronzimus.runs WHERE id = $1', [run.id]);
  const lose = (from: Date | null) =>
    sql(
      `INSERT INTO cronzimus.data_losses (noticed_at, from_at, until_at, runs_missing, attempts_undone, replica)
       VALUES (now(), $1, $2, 1, 0, 'one')`,
      [from, new Date(run.scheduledAt)],
    );
  const verdict = async () => (await explain('lost.row', run.scheduledAt)).verdict;
  expect(await verdict()).toBe('unexplained');
  for (const from of [new Date(run.scheduledAt), null]) {
    await lose(from);
    expect(await explain('lost.row', run.scheduledAt)).toMatchObject({
      verdict: 'lost',
      because: expect.stringContaining('The database has lost'),
      evidence: [{ code: 'definition' }, { code: 'data_loss', at: run.scheduledAt }],
    });
    await sql(`UPDATE cronzimus.data_losses SET until_at = until_at - interval '1 ms', from_at = NULL`);
    expect(await verdict()).toBe('unexplained');
    await sql('DELETE FROM cronzimus.data_losses');
  }
});

describe('the definition of that time', () => {
  it('is the one before an edit, for an instant before it', async () => {
    await made('edited', cron('0 * * * *'));
    await since('edited', hour() - 5 * HOUR);
    await call('PATCH', '/jobs/edited', { trigger: { expression: '30 * * * *' } });
    const [current] = await sql<{ at: Date }>(
      `SELECT valid_from AS at FROM cronzimus.job_versions WHERE job = 'edited' AND valid_to IS NULL`,
    );
    expect(await explain('edited', hour() - HOUR)).toMatchObject({
      definition: { version: 1 },
      verdict: 'unexplained',
    });
    expect(await explain('edited', hour() - HOUR / 2)).toMatchObject({
      definition: { version: 1 },
      verdict: 'not_due',
    });
    expect(await explain('edited', current!.at.getTime() + 10 * HOUR)).toMatchObject({ definition: { version: 2 } });
  });

  it('is none before the creation and after the deletion of a job', async () => {
    await made('short-lived');
    expect(await explain('short-lived', Date.now() - HOUR)).toMatchObject({
      verdict: 'before_creation',
      definition: null,
    });
    await remove('short-lived');
    expect(await explain('short-lived', Date.now() + 60_000)).toMatchObject({ verdict: 'deleted', definition: null });
    await made('short-lived', cron('0 0 1 1 *'));
    expect(await explain('short-lived', Date.now() + 60_000)).toMatchObject({
      verdict: 'not_due',
      definition: { version: 1 },
    });
  });

  it('is not known before what is kept', async () => {
    await made('migrated');
    await sql(`UPDATE cronzimus.job_versions SET earlier_unknown = true WHERE job = 'migrated'`);
    expect(await explain('migrated', Date.now() - HOUR)).toMatchObject({ verdict: 'unknown' });
    await remove('migrated');
  });

  it('of a name that no job has had is 404', async () => {
    const answer = await call('GET', '/jobs/nobody/explain?at=2026-06-01T00:00:00Z');
    expect(answer).toMatchObject({ status: 404, body: { code: 'JOB_NOT_FOUND' } });
  });
});

const waitsFor = async (id: unknown) => (await call('GET', `/runs/${String(id)}`)).body['waitsFor'];
const run = async (name: string) => (await call('POST', `/jobs/${name}/run`)).body['id'];

describe('a run that waits', () => {
  const later = { task: 'wait', trigger: { type: 'date', at: '2100-01-01T00:00:00Z' }, overlap: 'allow' };

  it('says that it waits for a slot', async () => {
    await made('slots', later);
    const ids = [];
    for (let n = 0; n < SLOTS + 2; n += 1) ids.push(await run('slots'));
    await eventually(async () => {
      expect((await runs('slots')).filter(({ state }) => state === 'running')).toHaveLength(SLOTS);
    });
    expect(await waitsFor(ids.at(-1))).toEqual({ code: 'slot', run: null, at: null });
    expect(await waitsFor(ids[0])).toBeNull();
    for (const id of ids.toReversed()) await call('POST', `/runs/${String(id)}/cancel`);
    await eventually(async () => expect((await runs('slots')).every(({ state }) => state === 'cancelled')).toBe(true));
  });

  it('says that it waits for its retry, and which runs repeat it', async () => {
    await made('tried', { ...later, task: 'fail', retry: { limit: 1, delaySeconds: 3600 } });
    const id = await run('tried');
    await reaches('tried', { state: 'retrying' });
    const { body } = await call('GET', `/runs/${String(id)}`);
    expect(body).toMatchObject({ waitsFor: { code: 'retry_at', at: body['nextAttemptAt'] }, retriedAs: [] });
    await call('POST', `/runs/${String(id)}/cancel`);
    const retry = await call('POST', `/runs/${String(id)}/retry`);
    expect((await call('GET', `/runs/${String(id)}`)).body).toMatchObject({
      waitsFor: null,
      retriedAs: [retry.body['id']],
    });
  });

  it('says that nobody knows its task, and that the scheduler is paused', async () => {
    await service.given(jobRow('unknown', { task: 'nobody-has', nextOccurrenceAt: null, nextRunAt: null }));
    const id = await run('unknown');
    expect(await waitsFor(id)).toMatchObject({ code: 'unknown_task' });
    await call('POST', '/scheduler/pause', { until: '2100-01-01T00:00:00Z' });
    expect(await waitsFor(id)).toEqual({ code: 'paused', run: null, at: '2100-01-01T00:00:00.000Z' });
    await call('POST', '/scheduler/resume');
  });
});
