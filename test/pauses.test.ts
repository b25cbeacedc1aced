import { SchedulerDatabase } from '../src/database/scheduler-database.js';
import { jobDefinition } from '../src/jobs/definition/job.schema.js';
import { DeclaredJobs } from '../src/jobs/declared/sync-declared-jobs.js';
import { schedulerState } from '../src/jobs/dispatch/due-jobs.js';
import { eventually } from './support/eventually.js';
import { EVERY_SECOND } from './support/jobs.js';
import { runSql } from './support/run-sql.js';
import { type Page, type RunAnswer, TestService } from './support/service.js';

let service: TestService;
beforeAll(async () => {
  service = await TestService.start();
});
afterAll(() => service.stop());

const IN_A_CENTURY = '2100-01-01T00:00:00.000Z';
const later = { task: 'echo', input: { text: 'hi' }, trigger: { type: 'date', at: IN_A_CENTURY } };
const secondly = { ...later, trigger: EVERY_SECOND, overlap: 'allow' };
const call = (method: string, path: string, body?: object) => service.call(method, path, body);
const made = (name: string, body: object = later) => call('PUT', `/jobs/${name}`, body);
const pause = (name: string, body?: object) => call('POST', `/jobs/${name}/pause`, body);
const job = async (name: string) => (await call('GET', `/jobs/${name}`)).body;
const runs = async (name: string) =>
  (await service.get<Page<RunAnswer>>(`/runs?job=${name}&limit=500`)).items.toReversed();
const kept = (name: string) =>
  runSql(
    service.database,
    `SELECT paused_at AS "pausedAt", ended_at AS "endedAt", until, reason, by, ended_by AS "endedBy"
     FROM cronzimus.job_pauses WHERE job IS NOT DISTINCT FROM $1 ORDER BY id`,
    [name],
  );
const inMs = (ms: number) => new Date(Date.now() + ms).toISOString();
/** The second after the one that begins at `ms` from now. */
const wholeSecondIn = (ms: number) => new Date(Math.ceil((Date.now() + ms) / 1000) * 1000);

describe('the pause of a job', () => {
  it('shows its reason and its end, and is kept with who began and who ended it', async () => {
    await made('shown');
    expect(await job('shown')).toMatchObject({ pause: null });
    const paused = await pause('shown', { reason: 'move', until: IN_A_CENTURY });
    expect(paused).toMatchObject({
      status: 200,
      body: { paused: true, pause: { since: expect.any(String), until: IN_A_CENTURY, reason: 'move' }, version: 1 },
    });
    const list = await service.get<Page<Record<string, unknown>>>('/jobs?q=shown');
    expect(list.items[0]).toMatchObject({ pause: { reason: 'move' } });
    await call('POST', '/jobs/shown/resume');
    expect(await job('shown')).toMatchObject({ paused: false, pause: null });
    expect(await kept('shown')).toMatchObject([
      {
        reason: 'move',
        until: new Date(IN_A_CENTURY),
        by: 'anonymous',
        endedBy: 'anonymous',
        endedAt: expect.any(Date),
      },
    ]);
  });

  it('is changed by a second pause, which replaces the reason and the end', async () => {
    await made('changed');
    await pause('changed', { reason: 'one', until: IN_A_CENTURY });
    const { pause: first } = await job('changed');
    await pause('changed', { reason: 'two' });
    expect(await job('changed')).toMatchObject({
      pause: { since: (first as { since: string }).since, until: null, reason: 'two' },
    });
    expect(await kept('changed')).toMatchObject([{ reason: 'two', until: null, endedAt: null }]);
  });

  it.each([
    ['is refused with an end in the past', { until: '2020-01-01T00:00:00Z' }, 'UNTIL_IN_PAST', '/until'],
    ['is refused with an end without a zone', { until: '2100-01-01T00:00:00' }, 'INVALID_BODY', '/until'],
    ['is refused with an empty reason', { reason: ' ' }, 'INVALID_BODY', '/reason'],
    ['is refused with an unknown field', { for: 3 }, 'INVALID_BODY', '/for'],
  ])('%s', async (_case, body, code, path) => {
    await made('refused');
    for (const target of ['/jobs/refused/pause', '/scheduler/pause'])
      expect(await call('POST', target, body)).toMatchObject({ status: 422, body: { code, errors: [{ path }] } });
    expect(await job('refused')).toMatchObject({ paused: false });
  });

  it('ends by itself: what was due before is one skipped row, and what is due at its end or later runs', async () => {
    await made('ends', secondly);
    const until = wholeSecondIn(2_000);
    await pause('ends', { until: until.toISOString(), reason: 'a moment' });
    await eventually(async () => {
      const after = (await runs('ends')).find(({ scheduledAt }) => scheduledAt === until.toISOString());
      expect(after).toMatchObject({ state: 'succeeded', kind: 'schedule' });
    });
    const skipped = (await runs('ends')).filter(({ reason }) => reason === 'paused');
    const last = new Date(until.getTime() - 1_000).toISOString();
    expect(skipped).toMatchObject([{ state: 'skipped', missed: { to: last } }]);
    expect(await job('ends')).toMatchObject({ paused: false, pause: null, state: 'active' });
    expect(await kept('ends')).toMatchObject([{ endedAt: until, endedBy: null, by: 'anonymous' }]);
    const audit = await service.get<Page<object>>('/audit?job=ends&action=job.resume');
    expect(audit.items).toMatchObject([{ by: 'scheduler', role: null, after: { paused: false } }]);
  });

  it('ends at its own end also when no scheduler was alive then', async () => {
    await made('late', { ...secondly, overlap: 'skip' });
    await pause('late', { until: inMs(60_000) });
    const until = new Date(Math.floor(Date.now() / 1000) * 1000 - 2_000);
    await runSql(
      service.database,
      `WITH a AS (UPDATE cronzimus.jobs SET paused_until = $1, next_occurrence_at = $2, next_run_at = $2 WHERE name = 'late')
       UPDATE cronzimus.job_pauses SET until = $1 WHERE job = 'late'`,
      [until, new Date(until.getTime() - 5_000)],
    );
    await eventually(async () => expect(await job('late')).toMatchObject({ paused: false }));
    const [skipped, ...others] = await runs('late');
    expect(skipped).toMatchObject({
      reason: 'paused',
      missed: { to: new Date(until.getTime() - 1_000).toISOString(), count: 5 },
    });
    expect(others[0]).toMatchObject({ scheduledAt: until.toISOString(), kind: 'schedule' });
  });

  it('by the definition has no end and no reason, and is kept too', async () => {
    await made('defined', { ...later, paused: true });
    expect(await job('defined')).toMatchObject({ pause: { until: null, reason: null } });
    await made('defined', { ...later, paused: false });
    expect(await job('defined')).toMatchObject({ pause: null });
    expect(await kept('defined')).toMatchObject([{ until: null, by: 'anonymous', endedBy: 'anonymous' }]);
  });
});

describe('an edit that does not say `paused`', () => {
  const terms = { reason: 'night', until: IN_A_CENTURY };
  const stillPaused = { priority: 3, paused: true, pause: terms };

  it.each<[string, (name: string, body: object) => Promise<{ status: number }>]>([
    ['PUT', (name, body) => made(name, body)],
    ['PATCH', (name) => call('PATCH', `/jobs/${name}`, { priority: 3 })],
    ['an import', (name, body) => call('POST', '/jobs-file', { jobs: { [name]: body } })],
  ])('%s leaves the pause of a job as it is', async (kind, edit) => {
    const name = `left.${kind.toLowerCase().replace(' ', '-')}`;
    await made(name);
    await pause(name, terms);
    expect((await edit(name, { ...later, priority: 3 })).status).toBe(200);
    expect(await job(name)).toMatchObject(stillPaused);
  });

  it('of an imported file without a change is no change', async () => {
    await made('left.same');
    await pause('left.same', terms);
    const report = await call('POST', '/jobs-file', { jobs: { 'left.same': later } });
    expect(report.body).toMatchObject({ unchanged: [{ name: 'left.same' }], updated: [] });
  });

  it.each(['code', 'file'] as const)('a declaration in %s leaves the pause of a job as it is', async (source) => {
    const name = `left.${source}`;
    const declared = service.app.get(DeclaredJobs, { strict: false });
    const declare = (more: object) =>
      declared.declare(source, new Map([[name, jobDefinition.parse({ ...later, ...more })]]));
    await declare({});
    await pause(name, terms);
    await declare({ priority: 3 });
    expect(await job(name)).toMatchObject(stillPaused);
  });

  it('keeps its terms when a GET is sent back', async () => {
    await made('left.sent-back');
    await pause('left.sent-back', terms);
    expect((await made('left.sent-back', { ...(await job('left.sent-back')), priority: 3 })).status).toBe(200);
    expect(await job('left.sent-back')).toMatchObject(stillPaused);
  });
});

const scheduler = async () => (await call('GET', '/scheduler')).body;

describe('the pause of the scheduler', () => {
  it('shows its reason and its end, and a second pause replaces them', async () => {
    await call('POST', '/scheduler/pause', { reason: 'migration', until: IN_A_CENTURY });
    const first = (await scheduler())['pause'] as { since: string };
    expect(first).toMatchObject({ reason: 'migration', until: IN_A_CENTURY });
    await call('POST', '/scheduler/pause');
    expect(await scheduler()).toMatchObject({ pause: { since: first.since, reason: null, until: null } });
    await call('POST', '/scheduler/resume');
    expect(await scheduler()).toMatchObject({ paused: false, pause: null });
    const pauses = await runSql(
      service.database,
      'SELECT reason, until, by, ended_by AS "endedBy" FROM cronzimus.job_pauses WHERE job IS NULL',
    );
    expect(pauses).toEqual([{ reason: null, until: null, by: 'anonymous', endedBy: 'anonymous' }]);
  });

  it('is over at its end, also before anybody has written that, and then what is due at its end runs', async () => {
    const until = new Date(Date.now() - 60_000);
    const rollback = new Error('roll it back');
    const rolledBack = service.app.get(SchedulerDatabase, { strict: false }).transaction(async (tx) => {
      await tx.query('UPDATE scheduler SET paused = true, paused_until = $1', [until]);
      expect(await schedulerState(tx)).toEqual({ paused: false, resumedAt: new Date(until.getTime() - 1) });
      throw rollback;
    });
    await expect(rolledBack).rejects.toBe(rollback);
  });

  it('ends by itself: what was due before is skipped, and what is due at its end or later runs', async () => {
    await made('all', secondly);
    await made('all.manual');
    const until = wholeSecondIn(2_000);
    await call('POST', '/scheduler/pause', { until: until.toISOString() });
    const { body } = await call('POST', '/jobs/all.manual/run');
    expect(await scheduler()).toMatchObject({ paused: true });
    await service.reaches(body['id'] as string, 'succeeded');
    await eventually(async () => {
      const found = await runs('all');
      expect(found.find(({ scheduledAt }) => scheduledAt === until.toISOString())).toMatchObject({
        state: 'succeeded',
      });
      const [skipped] = found.filter(({ reason }) => reason === 'paused');
      const last = (skipped!['missed'] as { to: string } | null)?.to ?? skipped!['scheduledAt'];
      expect(last).toBe(new Date(until.getTime() - 1_000).toISOString());
    });
    await eventually(async () => {
      const pauses = await runSql(
        service.database,
        'SELECT ended_at AS "endedAt", ended_by AS "endedBy" FROM cronzimus.job_pauses WHERE job IS NULL ORDER BY id',
      );
      expect(pauses.at(-1)).toEqual({ endedAt: until, endedBy: null });
    });
    expect(await scheduler()).toMatchObject({ paused: false, pause: null });
  });
});
