import type { Job } from '../src/jobs/definition/job.entity.js';
import { eventually } from './support/eventually.js';
import { runSql } from './support/run-sql.js';
import { type Page, type RunAnswer, finishedJob, TestService } from './support/service.js';

let service: TestService;
beforeAll(async () => {
  service = await TestService.start();
});
afterAll(() => service.stop());

type Overlap = Job['overlap'];

const NOWHERE = '01990000-0000-7000-8000-000000000000';
const runs = async (job: string) => (await service.get<Page<RunAnswer>>(`/runs?job=${job}`)).items;
const runNow = (job: string, key: string, body: object = {}) =>
  service.call<RunAnswer>('POST', `/jobs/${job}/run`, body, { 'Idempotency-Key': key });
const sent = (input: string) =>
  fetch(`${service.url}/api/v1/jobs/compared.other/run`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'Idempotency-Key': 'fields' },
    body: `{"input":${input}}`,
  });
const retry = (id: string, headers = {}) => service.call<RunAnswer>('POST', `/runs/${id}/retry`, undefined, headers);
const given = (name: string, task = 'echo', written = {}) =>
  service.given(finishedJob(name, task, { input: task === 'echo' ? { text: 'hi' } : {}, ...written }));

describe('a request with an Idempotency-Key', () => {
  it('creates one run, however often it is sent', async () => {
    await given('once');
    const first = await runNow('once', 'key-1');
    expect(first.status).toBe(202);
    await service.reaches(first.body.id, 'succeeded');
    const again = await runNow('once', 'key-1');
    expect(again).toMatchObject({ status: 202, body: { id: first.body.id, state: 'succeeded' } });
    expect(again.headers.get('location')).toBe(`/api/v1/runs/${first.body.id}`);
    expect((await runNow('once', 'key-2')).body.id).not.toBe(first.body.id);
    expect(await runs('once')).toHaveLength(2);
  });

  it('creates one run for twenty concurrent requests', async () => {
    await given('together', 'echo', { overlap: 'allow' });
    const answers = await Promise.all(Array.from({ length: 20 }, () => runNow('together', 'together-1')));
    expect(answers.filter(({ status }) => status !== 202)).toEqual([]);
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    expect(await runs('together')).toHaveLength(1);
  });

  it('is the same in any order of fields, and differs with another input or job', async () => {
    await given('compared', 'unstorable', { overlap: 'allow' });
    await given('compared.other', 'echo', { overlap: 'allow' });
    const first = await sent('{"text":"a","times":2}');
    const second = await sent('{ "times":2, "text":"a" }');
    expect([first.status, second.status]).toEqual([202, 202]);
    expect(((await second.json()) as RunAnswer).id).toBe(((await first.json()) as RunAnswer).id);
    const reused = { status: 422, body: { code: 'IDEMPOTENCY_KEY_REUSED' } };
    expect(await runNow('compared.other', 'fields', { input: { text: 'b', times: 2 } })).toMatchObject(reused);
    expect(await runNow('compared.other', 'fields')).toMatchObject(reused);
    expect(await runNow('compared', 'fields', { input: { text: 'a', times: 2 } })).toMatchObject(reused);
    expect(await runs('compared.other')).toHaveLength(1);
  });

  it('that is refused leaves no key behind', async () => {
    await given('refused', 'wait');
    const running = await service.run('refused', 'running');
    expect((await runNow('refused', 'busy')).body).toMatchObject({ code: 'JOB_BUSY' });
    await service.call('POST', `/runs/${running.id}/cancel`);
    await service.reaches(running.id, 'cancelled');
    expect((await runNow('refused', 'busy')).status).toBe(202);
    expect((await runNow('nowhere', 'nowhere')).status).toBe(404);
    await service.call('DELETE', '/jobs/refused');
  });

  it('counts as new after 24 hours', async () => {
    await given('forgotten', 'echo', { overlap: 'allow' });
    const { body } = await runNow('forgotten', 'old');
    await runSql(
      service.database,
      `UPDATE cronzimus.idempotency_keys SET created_at = now() - interval '25 hours' WHERE key = 'old'`,
    );
    const later = await runNow('forgotten', 'old', { input: { text: 'other' } });
    expect(later.status).toBe(202);
    expect(later.body.id).not.toBe(body.id);
    expect((await runNow('forgotten', 'old', { input: { text: 'other' } })).body.id).toBe(later.body.id);
  });

  it.each(['', 'x'.repeat(256), 'two words', 'ümlaut'])('whose key is "%.10s" is refused', async (key) => {
    await given(`keys.${Buffer.from(key).toString('hex').slice(0, 8)}.x`);
    const { status, body } = await runNow('once', key);
    expect({ status, body }).toMatchObject({ status: 400, body: { errors: [{ path: '/Idempotency-Key' }] } });
  });
});

const cancelled = async (id: string) => {
  await service.call('POST', `/runs/${id}/cancel`);
  await service.reaches(id, 'cancelled');
};
/** A job with this overlap policy, and the ids of a run that has ended and of one that is running. */
const givenBusy = async (name: string, overlap: Overlap) => {
  await given(name, 'wait', { overlap });
  const { id: ended } = await service.run(name, 'running');
  await cancelled(ended);
  const { id: running } = await service.run(name, 'running');
  return { ended, running };
};
/** A job with this overlap policy, and the id of a retry that is running. */
const givenRunningRetry = async (name: string, overlap: Overlap) => {
  await given(name, 'wait', { overlap });
  const { id } = await service.run(name, 'running');
  await cancelled(id);
  const { body } = await retry(id);
  await service.reaches(body.id, 'running');
  return body.id;
};

describe('the retry of a run', () => {
  it('is a new run of the same instant, with the definition of the old run', async () => {
    await given('repeated', 'fail', { input: { attempts: 1 }, timeoutSeconds: 7, priority: 3 });
    const { id } = await service.run('repeated', 'failed', { attempts: 2 });
    // Its instant is long past, so that lateness cannot count from there.
    await runSql(
      service.database,
      `UPDATE cronzimus.runs SET scheduled_at = scheduled_at - interval '1 hour' WHERE id = '${id}'`,
    );
    const failed = await service.get<RunAnswer>(`/runs/${id}`);
    await service.call('PATCH', '/jobs/repeated', { timeoutSeconds: 1, priority: 0 });
    const { status, headers, body } = await retry(failed.id);
    expect(status).toBe(202);
    expect(headers.get('location')).toBe(`/api/v1/runs/${body.id}`);
    expect(body).toMatchObject({
      kind: 'retry',
      retryOf: failed.id,
      job: 'repeated',
      input: { attempts: 2 },
      scheduledAt: failed['scheduledAt'],
      attempt: 0,
      retriesUsed: 0,
    });
    const ended = await service.reaches(body.id, 'failed');
    expect(ended['latenessMs']).toBeLessThan(30 * 60_000);
    const [row] = await runSql(
      service.database,
      `SELECT timeout_seconds, priority FROM cronzimus.runs WHERE id = '${body.id}'`,
    );
    expect(row).toEqual({ timeout_seconds: 7, priority: 3 });
    expect(await service.get(`/runs/${failed.id}`)).toEqual({ ...failed, retriedAs: [body.id] });
    expect((await retry(body.id)).body).toMatchObject({ retryOf: body.id });
  });

  it('starts beside a running run with overlap allow, is refused with skip, and is held with queue', async () => {
    const allowed = await givenBusy('beside.allow', 'allow');
    const beside = await retry(allowed.ended);
    await service.reaches(beside.body.id, 'running');
    for (const id of [allowed.running, beside.body.id]) await cancelled(id);

    const skipped = await givenBusy('beside.skip', 'skip');
    expect(await retry(skipped.ended)).toMatchObject({ status: 409, body: { code: 'JOB_BUSY' } });
    expect(await runs('beside.skip')).toHaveLength(2);
    await cancelled(skipped.running);
    expect((await retry(skipped.ended)).status).toBe(202);

    const queued = await givenBusy('beside.queue', 'queue');
    const held = await retry(queued.ended);
    expect(held).toMatchObject({ status: 202, body: { state: 'pending' } });
    expect(await retry(queued.ended)).toMatchObject({ status: 409, body: { code: 'JOB_BUSY' } });
    const isHeld = `SELECT held FROM cronzimus.runs WHERE id = '${held.body.id}'`;
    expect(await runSql(service.database, isHeld)).toEqual([{ held: true }]);
    await cancelled(queued.running);
    await service.reaches(held.body.id, 'running');
    await cancelled(held.body.id);
  });

  it('replaces a running run with overlap replace', async () => {
    const { ended, running } = await givenBusy('beside.replace', 'replace');
    const { status, body } = await retry(ended);
    expect(status).toBe(202);
    expect(await service.reaches(running, 'cancelled')).toMatchObject({ reason: 'replaced' });
    await service.reaches(body.id, 'running');
    await cancelled(body.id);
  });

  it('counts for overlap skip: while it runs, manual runs are refused and occurrences skipped', async () => {
    const repeated = await givenRunningRetry('after.skip', 'skip');
    const next = await service.call<RunAnswer>('POST', '/jobs/after.skip/run');
    expect(next).toMatchObject({ status: 409, body: { code: 'JOB_BUSY' } });
    const now = new Date().toISOString();
    await runSql(
      service.database,
      `UPDATE cronzimus.jobs SET next_run_at = '${now}', next_occurrence_at = '${now}',
         trigger = '{"type":"date","at":"${now}"}' WHERE name = 'after.skip'`,
    );
    const skipped = expect.objectContaining({ kind: 'schedule', state: 'skipped', reason: 'overlap' });
    await eventually(async () => expect(await runs('after.skip')).toContainEqual(skipped));
    await cancelled(repeated);
  });

  it('counts for overlap queue: a manual run is held until it has ended', async () => {
    const repeated = await givenRunningRetry('after.queue', 'queue');
    const { body: next } = await service.call<RunAnswer>('POST', '/jobs/after.queue/run');
    const isHeld = `SELECT held FROM cronzimus.runs WHERE id = '${next.id}'`;
    expect(await runSql(service.database, isHeld)).toEqual([{ held: true }]);
    await cancelled(repeated);
    await service.reaches(next.id, 'running');
    await cancelled(next.id);
  });

  it('counts for overlap replace: a manual run replaces it', async () => {
    const repeated = await givenRunningRetry('after.replace', 'replace');
    const { body: next } = await service.call<RunAnswer>('POST', '/jobs/after.replace/run');
    expect(await service.reaches(repeated, 'cancelled')).toMatchObject({ reason: 'replaced' });
    await service.reaches(next.id, 'running');
    await cancelled(next.id);
  });

  it('is possible after the job is deleted, and is live when the old run was a backfill', async () => {
    await given('gone', 'echo');
    const { id } = await service.run('gone', 'succeeded');
    await service.call('DELETE', '/jobs/gone');
    await runSql(service.database, `UPDATE cronzimus.runs SET kind = 'backfill', priority = -65530 WHERE id = '${id}'`);
    const { body } = await retry(id);
    await service.reaches(body.id, 'succeeded');
    const [row] = await runSql(service.database, `SELECT priority FROM cronzimus.runs WHERE id = '${body.id}'`);
    expect(row).toEqual({ priority: 6 });
  });

  it('is refused for a run that does not exist, is unfinished, or never started', async () => {
    await given('unended', 'wait', { overlap: 'allow' });
    const { id } = await service.run('unended', 'running');
    expect(await retry(NOWHERE)).toMatchObject({ status: 404, body: { code: 'RUN_NOT_FOUND' } });
    expect(await retry(id)).toMatchObject({ status: 409, body: { code: 'RUN_NOT_FINISHED' } });
    await service.call('POST', `/runs/${id}/cancel`);
    await service.reaches(id, 'cancelled');
    for (const state of ['skipped', 'missed']) {
      await runSql(service.database, `UPDATE cronzimus.runs SET state = '${state}' WHERE id = '${id}'`);
      expect(await retry(id)).toMatchObject({ status: 409, body: { code: 'RUN_NEVER_STARTED' } });
    }
    expect(await runs('unended')).toHaveLength(1);
  });

  it('creates one run for one Idempotency-Key', async () => {
    await given('retried-once', 'echo');
    const { id } = await service.run('retried-once', 'succeeded');
    const key = { 'Idempotency-Key': 'retry-1' };
    const answers = await Promise.all(Array.from({ length: 10 }, () => retry(id, key)));
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    expect(await runs('retried-once')).toHaveLength(2);
    expect((await retry(answers[0]!.body.id, key)).status).toBeGreaterThanOrEqual(400);
  });
});
