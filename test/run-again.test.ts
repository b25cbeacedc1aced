import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Job } from '../src/jobs/definition/job.entity.js';
import { eventually } from './support/eventually.js';
import { jobRow } from './support/jobs.js';
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

const occurrence = (job: string, at: Date) => `${job}/${at.toISOString()}`;
/** The only run of the job, when it has succeeded. */
const onlyRun = async (job: string) => {
  const { id } = await eventually(async () => {
    const [run] = await runs(job);
    if (!run) throw new Error('no run yet');
    return run;
  });
  return service.reaches(id, 'succeeded');
};
async function retried(id: string): Promise<string> {
  const { body } = await retry(id);
  await service.reaches(body.id, 'succeeded');
  return body.id;
}

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

describe('the Idempotency-Key that the http task sends', () => {
  let receiver: Server;
  /** The key of each request, by the run that sent it. The requests fail with 500 while `refusing` is true. */
  let keys: { run: string; key: string }[];
  let refusing: boolean;
  beforeAll(async () => {
    receiver = createServer(({ headers }, response) => {
      keys.push({ run: String(headers['cronzimus-run']), key: String(headers['idempotency-key']) });
      response.writeHead(refusing ? 500 : 204).end();
    }).listen(0, '127.0.0.1');
    await once(receiver, 'listening');
  });
  afterAll(async () => {
    receiver.close();
    receiver.closeAllConnections();
    await once(receiver, 'close');
  });
  beforeEach(() => {
    keys = [];
    refusing = false;
  });

  const http = (written: Partial<Job> = {}) => ({
    task: 'http',
    input: { url: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}` },
    ...written,
  });
  const keyOf = (id: string) => [...new Set(keys.filter(({ run }) => run === id).map(({ key }) => key))];
  /** Makes a run of each kind. Returns it, and the key that it sent. */
  const firstRuns: Record<string, (job: string) => Promise<{ id: string; key: string }>> = {
    schedule: async (job) => {
      const at = new Date(Date.now() - 1_000);
      const trigger = { type: 'date', at: at.toISOString() } as const;
      await service.given(jobRow(job, http({ trigger, nextOccurrenceAt: at, nextRunAt: at })));
      return { id: (await onlyRun(job)).id, key: occurrence(job, at) };
    },
    catch_up: async (job) => {
      const at = new Date(Date.now() - 3_600_000);
      const trigger = { type: 'date', at: at.toISOString() } as const;
      const misfire = { policy: 'once', graceSeconds: 60, maxCatchUp: 1 } as const;
      await service.given(jobRow(job, http({ trigger, misfire, nextOccurrenceAt: at, nextRunAt: at })));
      return { id: (await onlyRun(job)).id, key: occurrence(job, at) };
    },
    manual: async (job) => {
      await service.given(finishedJob(job, 'http', http()));
      const { id } = await service.run(job, 'succeeded');
      return { id, key: id };
    },
    backfill: async (job) => {
      const hourly = { type: 'cron', expression: '0 * * * *', timeZone: 'UTC' } as const;
      const trigger = { ...hourly, startAt: null, endAt: '2026-03-01T05:00:00.000Z', jitterSeconds: 0 };
      await service.given(finishedJob(job, 'http', http({ trigger })));
      const hour = { from: '2026-03-01T00:00:00Z', to: '2026-03-01T01:00:00Z' };
      await service.call('POST', `/jobs/${job}/backfill`, hour);
      const { id } = await onlyRun(job);
      return { id, key: id };
    },
  };

  it.each(Object.keys(firstRuns))(
    'is the same in a run of kind %s, its retries and their retries, also when earlier runs and the job are deleted',
    async (kind) => {
      const job = `keyed.${kind}`;
      const first = await firstRuns[kind]!(job);
      expect((await service.get(`/runs/${first.id}`))['kind']).toBe(kind);
      expect(keyOf(first.id)).toEqual([first.key]);
      const second = await retried(first.id);
      expect(keyOf(second)).toEqual([first.key]);
      await runSql(service.database, `DELETE FROM cronzimus.runs WHERE id = '${first.id}'`);
      const third = await retried(second);
      expect(keyOf(third)).toEqual([first.key]);
      await runSql(service.database, `DELETE FROM cronzimus.runs WHERE id = '${second}'`);
      await service.call('DELETE', `/jobs/${job}`);
      expect(keyOf(await retried(third))).toEqual([first.key]);
      expect(keys).toHaveLength(4);
    },
  );

  it('is that of the repeated run in all attempts of a retry', async () => {
    const first = await firstRuns['schedule']!('keyed.attempts');
    refusing = true;
    await runSql(
      service.database,
      `UPDATE cronzimus.runs SET retry = '{"limit":2,"delaySeconds":0,"backoff":"fixed","maxDelaySeconds":0}' WHERE id = '${first.id}'`,
    );
    const { body } = await retry(first.id);
    await service.reaches(body.id, 'failed');
    expect(keys.filter(({ run }) => run === body.id).map(({ key }) => key)).toEqual([first.key, first.key, first.key]);
  });

  it('differs between two manual runs, and between two backfills of one instant', async () => {
    const job = 'keyed.apart';
    const { id } = await firstRuns['backfill']!(job);
    const hour = { from: '2026-03-01T00:00:00Z', to: '2026-03-01T01:00:00Z', force: true };
    const { body } = await service.call<{ runs: RunAnswer[] }>('POST', `/jobs/${job}/backfill`, hour);
    await service.reaches(body.runs[0]!.id, 'succeeded');
    const manual = [await service.run(job, 'succeeded'), await service.run(job, 'succeeded')];
    const all = [id, body.runs[0]!.id, ...manual.map((run) => run.id)];
    expect(all.map(keyOf)).toEqual(all.map((run) => [run]));
  });

  it('of a retry from before the upgrade stays its own id, which the retry of that run sends too', async () => {
    const first = await firstRuns['schedule']!('keyed.old');
    const second = await retried(first.id);
    await runSql(service.database, `UPDATE cronzimus.runs SET idempotency_key = NULL WHERE id = '${second}'`);
    expect(keyOf(await retried(second))).toEqual([second]);
  });
});
