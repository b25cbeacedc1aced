import { runSql } from './support/run-sql.js';
import { type Page, type RunAnswer, finishedJob, TestService } from './support/service.js';

let service: TestService;
beforeAll(async () => {
  service = await TestService.start();
});
afterAll(() => service.stop());

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
    expect(await service.get(`/runs/${failed.id}`)).toEqual(failed);
    expect((await retry(body.id)).body).toMatchObject({ retryOf: body.id });
  });

  it('neither counts for overlap nor respects it', async () => {
    await given('beside', 'wait');
    const first = await service.run('beside', 'running');
    await service.call('POST', `/runs/${first.id}/cancel`);
    await service.reaches(first.id, 'cancelled');
    const manual = await service.run('beside', 'running');
    const repeated = await retry(first.id);
    await service.reaches(repeated.body.id, 'running');
    await service.call('POST', `/runs/${manual.id}/cancel`);
    await service.reaches(manual.id, 'cancelled');
    const another = await service.call<RunAnswer>('POST', '/jobs/beside/run');
    expect(another.status).toBe(202);
    for (const { id } of [repeated.body, another.body]) await service.call('POST', `/runs/${id}/cancel`);
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
