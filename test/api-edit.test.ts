import { eventually } from './support/eventually.js';
import { runSql } from './support/run-sql.js';
import { type Page, type RunAnswer, finishedJob, TestService } from './support/service.js';

let service: TestService;
beforeAll(async () => {
  service = await TestService.start();
});
afterAll(() => service.stop());

type Answered = Record<string, unknown>;
const IN_A_CENTURY = '2100-01-01T00:00:00.000Z';
const later = { type: 'date', at: IN_A_CENTURY };
const daily = { type: 'cron', expression: '0 9 * * *', timeZone: 'Europe/Berlin' };
const minimal = { task: 'wait', trigger: later };
const full = {
  description: 'all of it',
  task: 'echo',
  input: { text: 'hi', times: 2 },
  trigger: { type: 'interval', everySeconds: 3600, anchor: '2026-01-01T00:00:00.000Z', jitterSeconds: 5 },
  paused: true,
  priority: 7,
  tags: ['a', 'b'],
  timeoutSeconds: 1.5,
  retry: { limit: 2, delaySeconds: 1, backoff: 'fixed', maxDelaySeconds: 9 },
  onInterruption: 'fail',
  misfire: { policy: 'all', graceSeconds: 1, maxCatchUp: 3 },
  overlap: 'queue',
};

const post = (body: unknown) => service.call('POST', '/jobs', body);
const put = (name: string, body: unknown, headers = {}) => service.call('PUT', `/jobs/${name}`, body, headers);
const patch = (name: string, body: unknown, headers = {}) => service.call('PATCH', `/jobs/${name}`, body, headers);
const remove = (name: string, headers = {}) => service.call('DELETE', `/jobs/${name}`, undefined, headers);
const get = (name: string) => service.call('GET', `/jobs/${name}`);
const runs = async (job: string) =>
  (await service.get<Page<RunAnswer>>(`/runs?job=${job}&limit=500`)).items.toReversed();
const tagOf = async (name: string) => (await get(name)).headers.get('etag');
const errorPaths = (body: Answered) => (body['errors'] as { path: string }[]).map(({ path }) => path).toSorted();

describe('an unknown field', () => {
  const fields = 'description, task, input, trigger, clockChange, paused, priority, tags';
  it.each<[string, object, string, string]>([
    ['of a job', { priorty: 1 }, '/priorty', fields],
    ['of the retries', { retry: { max: 3 } }, '/retry/max', 'limit, delaySeconds, backoff, maxDelaySeconds'],
    ['of the misfire policy', { misfire: { grace: 3 } }, '/misfire/grace', 'policy, graceSeconds, maxCatchUp'],
    ['of a trigger', { trigger: { ...daily, zone: 'UTC' } }, '/trigger/zone', 'type, expression, timeZone'],
  ])('%s is refused with the known fields', async (_case, more, path, known) => {
    for (const answer of [await post({ name: 'a', ...minimal, ...more }), await put('a', { ...minimal, ...more })])
      expect(answer).toMatchObject({
        status: 422,
        body: { errors: [{ path, message: expect.stringMatching(`^Unknown field; known fields: .*${known}`) }] },
      });
  });

  it('of a patch is refused with the known fields', async () => {
    expect((await patch('a', { priorty: 1 })).body['errors']).toEqual([
      { path: '/priorty', message: expect.stringContaining(fields) },
    ]);
  });
});

describe('POST /jobs', () => {
  it('creates a job, returns its Location, and does not run it', async () => {
    const { status, headers, body } = await post({ name: 'made', ...full });
    expect(status).toBe(201);
    expect(headers.get('location')).toBe('/api/v1/jobs/made');
    expect(headers.get('etag')).toMatch(/^"[^"]+"$/);
    expect(body).toMatchObject({ name: 'made', ...full, source: 'api', version: 1, state: 'paused', lastRun: null });
    expect((await get('made')).body).toEqual(body);
    expect(await runs('made')).toEqual([]);
  });

  it('fills in defaults', async () => {
    const { body } = await post({
      name: 'made.minimal',
      ...minimal,
      trigger: { type: 'cron', expression: '0 9 * * *' },
    });
    expect(body).toMatchObject({
      description: '',
      input: {},
      paused: false,
      priority: 0,
      tags: [],
      timeoutSeconds: 300,
      retry: { limit: 0, delaySeconds: 5, backoff: 'exponential', maxDelaySeconds: 3600 },
      onInterruption: 'rerun',
      misfire: { policy: 'once', graceSeconds: 60, maxCatchUp: 100 },
      overlap: 'skip',
      trigger: { timeZone: 'UTC', startAt: null, endAt: null, jitterSeconds: 0 },
      state: 'active',
      nextRunAt: expect.any(String),
    });
  });

  it('anchors an interval at its creation, with the first occurrence strictly after it', async () => {
    const { body } = await post({
      name: 'made.interval',
      task: 'wait',
      trigger: { type: 'interval', everySeconds: 60 },
    });
    const { trigger, createdAt, nextRunAt } = body as { trigger: { anchor: string } } & Record<string, string>;
    expect(trigger.anchor).toBe(createdAt);
    expect(Date.parse(nextRunAt!) - Date.parse(createdAt!)).toBe(60_000);
  });

  it('creates a job that is dispatched', async () => {
    const trigger = { type: 'interval', everySeconds: 0.3 };
    await post({ name: 'made.dispatched', task: 'echo', input: { text: 'x' }, trigger, overlap: 'allow' });
    await eventually(async () => expect((await runs('made.dispatched')).length).toBeGreaterThan(2));
    await remove('made.dispatched');
  });

  it('refuses a name that is taken, and leaves the existing job unchanged', async () => {
    await post({ name: 'taken', ...minimal });
    const { status, body } = await post({ name: 'taken', ...minimal, priority: 5 });
    expect({ status, body }).toMatchObject({ status: 409, body: { code: 'JOB_EXISTS' } });
    expect((await get('taken')).body).toMatchObject({ priority: 0, version: 1 });
    expect((await post({ name: 'prune-runs', ...minimal })).status).toBe(409);
  });

  it.each([1, 2, 3, 4, 5])('creates one job for twenty concurrent requests, round %i', async (round) => {
    const name = `raced.${round}`;
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, priority) => post({ name, ...minimal, priority })),
    );
    const made = answers.filter(({ status }) => status === 201);
    expect(made).toHaveLength(1);
    expect(answers.filter(({ status, body }) => status === 409 && body['code'] === 'JOB_EXISTS')).toHaveLength(19);
    expect((await get(name)).body).toEqual(made[0]!.body);
  });
});

describe('these are refused:', () => {
  it.each<[string, object, string, string[]]>([
    ['no trigger', { trigger: undefined }, 'INVALID_BODY', ['/trigger']],
    ['an unknown field', { priorty: 1, extra: {} }, 'INVALID_BODY', ['/extra', '/priorty']],
    ['an unknown field within', { retry: { limits: 3 } }, 'INVALID_BODY', ['/retry/limits']],
    ['a wrong value', { overlap: 'never', priority: 1.5 }, 'INVALID_BODY', ['/overlap', '/priority']],
    ['a bad expression', { trigger: { ...daily, expression: '61 * * * *' } }, 'INVALID_BODY', ['/trigger/expression']],
    [
      'an expression that never fires',
      { trigger: { ...daily, expression: '0 0 31 2 *' } },
      'INVALID_BODY',
      ['/trigger/expression'],
    ],
    [
      'a date in the past',
      { trigger: { type: 'date', at: '2020-01-01T00:00:00Z' } },
      'TRIGGER_IN_PAST',
      ['/trigger/at'],
    ],
    ['an unknown task', { task: 'nope' }, 'UNKNOWN_TASK', ['/task']],
    [
      'an input that does not fit',
      { task: 'echo', input: { text: 1, more: 2 } },
      'INVALID_INPUT',
      ['/input/more', '/input/text'],
    ],
    ['an input of a task that takes none', { input: { a: 1 } }, 'INVALID_INPUT', ['/input']],
    ['what PostgreSQL cannot hold', { description: 'a\0b' }, 'INVALID_BODY', ['/description']],
  ])('%s', async (_case, written, code, paths) => {
    const created = await post({ name: 'refused', ...minimal, ...written });
    expect(created).toMatchObject({ status: 422, body: { code } });
    expect(errorPaths(created.body)).toEqual(paths);
    await put('kept', minimal);
    const before = (await get('kept')).body;
    const replaced = await put('kept', { ...minimal, ...written });
    expect(replaced).toMatchObject({ status: 422, body: { code } });
    expect(errorPaths(replaced.body)).toEqual(paths);
    expect((await get('kept')).body).toEqual(before);
    expect((await get('refused')).status).toBe(404);
  });

  it.each([undefined, 'Nope', '', '.dot', 'x'.repeat(129), 'ü'])('a new job with the name %s', async (name) => {
    const { status, body } = await post({ ...minimal, name });
    expect({ status, paths: errorPaths(body) }).toEqual({ status: 422, paths: ['/name'] });
  });

  it('a name other than the one in the path', async () => {
    await put('named', minimal);
    for (const send of [put, patch]) {
      expect(await send('named', { ...minimal, name: 'renamed' })).toMatchObject({
        status: 422,
        body: { errors: [{ path: '/name' }] },
      });
      expect((await send('named', { ...minimal, name: 'named' })).status).toBe(200);
    }
  });

  it('a patch of a job that does not exist', async () => {
    expect(await patch('nowhere', {})).toMatchObject({ status: 404, body: { code: 'JOB_NOT_FOUND' } });
    expect(await remove('nowhere')).toMatchObject({ status: 404, body: { code: 'JOB_NOT_FOUND' } });
  });

  it.each(['[]', '"x"', '5', 'null', 'true'])('a body that is %s', async (text) => {
    await put('typed', minimal);
    for (const method of ['PUT', 'PATCH'])
      expect((await service.call(method, '/jobs/typed', JSON.parse(text))).status).toBe(422);
    expect((await post(JSON.parse(text))).status).toBe(422);
  });

  it('edits of a job of source code, which can still be paused, resumed and run', async () => {
    const refusal = { status: 409, body: { code: 'JOB_MANAGED_ELSEWHERE' } };
    expect(await put('prune-runs', { task: 'prune-runs', trigger: daily })).toMatchObject(refusal);
    expect(await patch('prune-runs', { priority: 1 })).toMatchObject(refusal);
    expect(await remove('prune-runs')).toMatchObject(refusal);
    for (const verb of ['pause', 'resume'])
      expect((await service.call('POST', `/jobs/prune-runs/${verb}`)).status).toBe(200);
    expect((await service.call('POST', '/jobs/prune-runs/run')).status).toBe(202);
  });
});

describe('PUT /jobs/{name}', () => {
  it('creates a job, and the same request again changes nothing', async () => {
    const first = await put('put', full);
    expect(first).toMatchObject({ status: 201, body: { version: 1 } });
    expect(first.headers.get('location')).toBe('/api/v1/jobs/put');
    const second = await put('put', full);
    expect(second).toMatchObject({ status: 200, body: first.body });
    expect(second.headers.get('etag')).toBe(first.headers.get('etag'));
  });

  it('accepts a job as GET returns it, with an edit', async () => {
    await put('round-trip', full);
    const { body } = await get('round-trip');
    const edited = await put('round-trip', { ...body, priority: 8, version: 99, lastRun: 'x', state: 'finished' });
    expect(edited).toMatchObject({
      status: 200,
      body: { ...body, priority: 8, version: 2, updatedAt: expect.any(String) },
    });
  });

  it('resets omitted fields to their defaults, but keeps the pause and the anchor of an interval', async () => {
    await put('replaced', full);
    const { body } = await put('replaced', { task: 'wait', trigger: { type: 'interval', everySeconds: 60 } });
    expect(body).toMatchObject({
      description: '',
      priority: 0,
      tags: [],
      paused: true,
      retry: { limit: 0 },
      version: 2,
    });
    expect(body['trigger']).toMatchObject({ anchor: full.trigger.anchor, jitterSeconds: 0 });
  });

  it('keeps nextRunAt when the trigger is unchanged, and moves it when it is not', async () => {
    const trigger = { type: 'interval', everySeconds: 3600 };
    const { body } = await put('unmoved', { task: 'wait', trigger });
    expect((await put('unmoved', { task: 'wait', trigger, priority: 1 })).body['nextRunAt']).toBe(body['nextRunAt']);
    const moved = await put('unmoved', { task: 'wait', trigger: { ...trigger, everySeconds: 60 } });
    expect(moved.body['nextRunAt']).not.toBe(body['nextRunAt']);
  });

  it('pauses and resumes as its body says, even after a pause over the API', async () => {
    await put('switched', minimal);
    await service.call('POST', '/jobs/switched/pause');
    expect((await put('switched', { ...minimal, paused: true })).body).toMatchObject({ paused: true, version: 1 });
    expect((await put('switched', { ...minimal, paused: false })).body).toMatchObject({ paused: false, version: 2 });
    expect((await put('switched', { ...minimal, paused: true })).body).toMatchObject({ paused: true, version: 3 });
    expect((await service.call('POST', '/jobs/switched/resume')).body).toMatchObject({ paused: false, version: 3 });
  });

  it('accepts edits of a job whose date has passed, and refuses another past date', async () => {
    const at = '2020-01-01T00:00:00.000Z';
    await service.given(finishedJob('over', 'wait', { trigger: { type: 'date', at } }));
    const sent = { task: 'wait', trigger: { type: 'date', at: '2020-01-01T01:00:00+01:00' }, description: 'was once' };
    expect(await put('over', sent)).toMatchObject({
      status: 200,
      body: { state: 'finished', description: 'was once' },
    });
    expect((await put('over', { task: 'wait', trigger: { type: 'date', at: '2021-01-01T00:00:00Z' } })).status).toBe(
      422,
    );
  });

  it('anchors an interval that replaces another trigger at the creation of the job', async () => {
    const { body } = await put('became-interval', minimal);
    const edited = await put('became-interval', { task: 'wait', trigger: { type: 'interval', everySeconds: 7 } });
    expect(edited.body['trigger']).toMatchObject({ anchor: body['createdAt'] });
  });
});

describe('PATCH /jobs/{name}', () => {
  it('changes the fields that it names, and no others', async () => {
    const { body } = await put('patched', full);
    const { status, body: changed } = await patch('patched', {
      priority: 1,
      retry: { limit: 5 },
      input: { text: 'ho' },
    });
    expect(status).toBe(200);
    expect(changed).toEqual({
      ...body,
      priority: 1,
      retry: { ...full.retry, limit: 5 },
      input: { text: 'ho', times: 2 },
      version: 2,
      updatedAt: expect.any(String),
    });
  });

  it('resets a field to its default with null', async () => {
    const { body } = await put('nulled', full);
    const nulls = { description: null, priority: null, retry: { limit: null }, misfire: null, input: { times: null } };
    const changed = await patch('nulled', { ...nulls, paused: null, trigger: { jitterSeconds: null, anchor: null } });
    expect(changed.body).toMatchObject({
      description: '',
      priority: 0,
      retry: { ...full.retry, limit: 0 },
      misfire: { policy: 'once', graceSeconds: 60, maxCatchUp: 100 },
      input: { text: 'hi' },
      paused: false,
      trigger: { jitterSeconds: 0, anchor: body['createdAt'], everySeconds: 3600 },
    });
    expect(changed.body['input']).toEqual({ text: 'hi' });
    expect(await patch('nulled', { task: null })).toMatchObject({ status: 422, body: { errors: [{ path: '/task' }] } });
  });

  describe('of an interval', () => {
    const [first, second] = ['2026-02-01T00:00:00.000Z', '2026-03-01T00:00:00.000Z'];
    const anchor = full.trigger.anchor;

    it.each<[string, object, object, string]>([
      ['keeps the anchor if it leaves out startAt', { anchor, startAt: first }, { everySeconds: 60 }, anchor],
      ['keeps the anchor if it sets the same startAt', { anchor, startAt: first }, { startAt: first }, anchor],
      ['keeps the anchor if it drops startAt', { startAt: first }, { startAt: null }, first],
      ['moves the anchor to another startAt', { startAt: first }, { startAt: second }, second],
      ['moves the anchor to a first startAt', { anchor }, { startAt: second }, second],
      ['sets the anchor that it names', { startAt: first }, { startAt: second, anchor }, anchor],
      ['resets the anchor to startAt with null', { anchor, startAt: first }, { anchor: null }, first],
      ['resets the anchor to its own startAt', { anchor, startAt: first }, { anchor: null, startAt: second }, second],
    ])('%s', async (what, stored, change, expected) => {
      const name = what.replaceAll(' ', '-').toLowerCase();
      const given = { task: 'wait', trigger: { type: 'interval', everySeconds: 3600, ...stored } };
      await put(name, given);
      const patched = await patch(name, { trigger: change });
      expect(patched.body['trigger']).toMatchObject({ anchor: expected });
      expect((await get(name)).body['trigger']).toEqual(patched.body['trigger']);
    });

    it('resets the anchor to the creation of the job without a startAt', async () => {
      const { body } = await put('anchor-of-creation', { ...full, trigger: { ...full.trigger, startAt: first } });
      const changed = await patch('anchor-of-creation', { trigger: { anchor: null, startAt: null } });
      expect(changed.body['trigger']).toMatchObject({ anchor: body['createdAt'], startAt: null });
    });

    it('reports only the startAt that is wrong', async () => {
      await put('wrong-start', full);
      const { status, body } = await patch('wrong-start', { trigger: { startAt: 'soon', anchor: null } });
      expect([status, errorPaths(body)]).toEqual([422, ['/trigger/startAt']]);
    });

    it('may name an anchor as null where another type has none', async () => {
      await put('no-anchor', full);
      const { status, body } = await patch('no-anchor', { trigger: { ...daily, anchor: null } });
      expect(status).toBe(200);
      expect(body['trigger']).not.toHaveProperty('anchor');
      expect((await patch('no-anchor', { trigger: { anchor: null } })).status).toBe(200);
    });
  });

  it('drops the fields of the old trigger when the type changes', async () => {
    await put('retyped', { ...full, input: { text: 'x' } });
    expect((await patch('retyped', { trigger: { type: 'cron' } })).status).toBe(422);
    const { body } = await patch('retyped', { trigger: { type: 'cron', expression: '0 9 * * *' } });
    const cron = {
      type: 'cron',
      expression: '0 9 * * *',
      timeZone: 'UTC',
      startAt: null,
      endAt: null,
      jitterSeconds: 0,
    };
    expect(body['trigger']).toEqual(cron);
    const kept = await patch('retyped', { trigger: { timeZone: 'Europe/Berlin' } });
    expect(kept.body['trigger']).toEqual({ ...cron, timeZone: 'Europe/Berlin' });
  });

  it('keeps the pause of a job that was paused over the API', async () => {
    await put('asleep', minimal);
    await service.call('POST', '/jobs/asleep/pause');
    expect((await patch('asleep', { priority: 3 })).body).toMatchObject({ paused: true, state: 'paused', version: 2 });
  });

  it('changes nothing when nothing differs, and ignores read-only fields', async () => {
    const { body } = await put('idle', minimal);
    expect((await patch('idle', {})).body).toEqual(body);
    expect((await patch('idle', { priority: 0, version: 7, source: 'file', nextRunAt: null })).body).toEqual(body);
  });

  it('accepts both media types, and refuses unknown fields, even with null', async () => {
    await put('media', minimal);
    const merge = { 'Content-Type': 'application/merge-patch+json; charset=utf-8' };
    expect((await patch('media', { priority: 4 }, merge)).body).toMatchObject({ priority: 4 });
    expect((await put('media', minimal, merge)).status).toBe(415);
    const refused = await patch('media', { priorty: null });
    expect(refused).toMatchObject({ status: 422, body: { errors: [{ path: '/priorty' }] } });
  });
});

describe('the ETag', () => {
  it('changes with the definition, and with nothing else', async () => {
    const first = (await put('tagged', minimal)).headers.get('etag');
    expect(await tagOf('tagged')).toBe(first);
    await service.call('POST', '/jobs/tagged/pause');
    await service.run('tagged', 'running');
    expect(await tagOf('tagged')).toBe(first);
    const second = (await patch('tagged', { priority: 1 })).headers.get('etag');
    expect(second).not.toBe(first);
    await remove('tagged');
    await put('tagged', minimal);
    expect([first, second]).not.toContain(await tagOf('tagged'));
  });

  it('of another version refuses the edit, and the current one allows it', async () => {
    const old = (await put('matched', minimal)).headers.get('etag')!;
    const current = (await patch('matched', { priority: 1 })).headers.get('etag')!;
    const refusal = { status: 412, body: { code: 'PRECONDITION_FAILED' } };
    const stale = { 'If-Match': old };
    expect(await put('matched', minimal, stale)).toMatchObject(refusal);
    expect(await patch('matched', { priority: 2 }, stale)).toMatchObject(refusal);
    expect(await remove('matched', stale)).toMatchObject(refusal);
    expect((await get('matched')).body).toMatchObject({ priority: 1, version: 2 });
    expect((await patch('matched', { priority: 2 }, { 'If-Match': `${old}, ${current}` })).status).toBe(200);
    expect((await patch('matched', { priority: 3 }, { 'If-Match': '*' })).status).toBe(200);
    expect((await remove('matched', { 'If-Match': '*' })).status).toBe(204);
    expect(await put('matched', minimal, { 'If-Match': '*' })).toMatchObject(refusal);
    expect((await put('matched', minimal, { 'If-None-Match': '*' })).status).toBe(201);
    expect(await put('matched', minimal, { 'If-None-Match': '*' })).toMatchObject(refusal);
  });

  it('allows one of many concurrent edits of the same version', async () => {
    const tag = (await put('contended', minimal)).headers.get('etag')!;
    const edits = Array.from({ length: 10 }, (_, at) => patch('contended', { priority: at + 1 }, { 'If-Match': tag }));
    const statuses = (await Promise.all(edits)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses.filter((status) => status === 412)).toHaveLength(9);
    expect((await get('contended')).body).toMatchObject({ version: 2 });
  });
});

describe('DELETE /jobs/{name}', () => {
  it('cancels what has not started, lets running attempts end, and keeps the runs', async () => {
    await put('deleted', { ...minimal, overlap: 'queue' });
    const running = await service.run('deleted', 'running');
    const held = await service.run('deleted', 'pending');
    expect(await remove('deleted')).toMatchObject({ status: 204, body: null });
    expect((await get('deleted')).status).toBe(404);
    expect(await service.reaches(held.id, 'cancelled')).toMatchObject({ reason: 'job_deleted', startedAt: null });
    expect(await service.get(`/runs/${running.id}`)).toMatchObject({ state: 'running' });
    expect((await service.call('POST', `/runs/${running.id}/cancel`)).status).toBe(202);
    expect(await service.reaches(running.id, 'cancelled')).toMatchObject({ reason: 'user' });
    expect(await runs('deleted')).toHaveLength(2);
    const entries = await runSql(service.database, `SELECT FROM cronzimus.run_queue WHERE run_id = '${held.id}'`);
    expect(entries).toEqual([]);
  });

  it('lets a running attempt succeed, and starts no further one', async () => {
    const retry = { limit: 3, delaySeconds: 0, backoff: 'fixed', maxDelaySeconds: 0 };
    const brief = { ...minimal, timeoutSeconds: 1, retry };
    await put('last-attempt', brief);
    const { id } = await service.run('last-attempt', 'running');
    await remove('last-attempt');
    expect(await service.reaches(id, 'cancelled')).toMatchObject({ reason: 'job_deleted', attempt: 1 });
    await put('last-attempt', { ...brief, retry: { limit: 0 } });
    const failed = await service.run('last-attempt', 'running');
    await remove('last-attempt');
    expect(await service.reaches(failed.id, 'timed_out')).toMatchObject({ reason: null, attempt: 1 });
  });

  it('writes a row for each due occurrence, and a new job of the name has none of the old history', async () => {
    await service.given(finishedJob('reborn', 'wait', { overlap: 'replace' }));
    const { id } = await service.run('reborn', 'running');
    // Due, but not found by the dispatcher.
    const at = new Date(Date.now() - 5_000).toISOString();
    await runSql(
      service.database,
      `UPDATE cronzimus.jobs SET trigger = '${JSON.stringify({ type: 'date', at })}', next_occurrence_at = '${at}',
         next_run_at = '${IN_A_CENTURY}' WHERE name = 'reborn'`,
    );
    expect((await remove('reborn')).status).toBe(204);
    const rows = await runs('reborn');
    expect(rows).toMatchObject([
      { id, state: 'running' },
      { state: 'cancelled', reason: 'job_deleted', kind: 'schedule' },
    ]);
    // The running attempt was not asked to stop.
    const requests = await runSql(
      service.database,
      `SELECT cancel_requested_at FROM cronzimus.runs WHERE id = '${id}'`,
    );
    expect(requests).toEqual([{ cancel_requested_at: null }]);
    const { body } = await put('reborn', minimal);
    expect(body).toMatchObject({ version: 1, lastRun: null });
    expect((await service.call('POST', '/jobs/reborn/run')).status).toBe(202);
    await remove('reborn');
  });

  it('and a concurrent PUT leave either no job or a new one', async () => {
    for (let round = 0; round < 10; round += 1) {
      await put('seesaw', minimal);
      const [edited, deleted, created] = await Promise.all([
        put('seesaw', { ...minimal, priority: 1 }),
        remove('seesaw'),
        post({ name: 'seesaw', ...minimal, priority: 2 }),
      ]);
      expect([200, 201]).toContain(edited.status);
      expect(deleted.status).toBe(204);
      expect([201, 409]).toContain(created.status);
      const survives = [edited.status, created.status].includes(201);
      expect((await get('seesaw')).status).toBe(survives ? 200 : 404);
      await remove('seesaw');
    }
  });
});

describe('an edit of a job whose occurrences fall due', () => {
  it('runs each occurrence once, with the definition under which it fell due', async () => {
    const anchor = '2026-01-01T00:00:00.000Z';
    // The text names the grid on which the occurrence has to lie.
    const tenths = (every: number) => ({
      task: 'echo',
      input: { text: String(every) },
      overlap: 'allow',
      trigger: { type: 'interval', everySeconds: every / 10, anchor },
    });
    await put('edited', tenths(2));
    const stop = Date.now() + 3_000;
    const edit = async (...grids: number[]) => {
      for (let at = 0; Date.now() < stop; at += 1) await put('edited', tenths(grids[at % grids.length]!));
    };
    await Promise.all([edit(2, 3), edit(5, 2), edit(3)]);
    await remove('edited');
    const rows = await runSql(
      service.database,
      `SELECT scheduled_at, input->>'text' AS grid FROM cronzimus.runs WHERE job = 'edited' AND missed_to IS NULL`,
    );
    expect(rows.length).toBeGreaterThan(5);
    const instants = rows.map(({ scheduled_at }) => (scheduled_at as Date).getTime());
    expect(new Set(instants).size).toBe(instants.length);
    expect(rows.filter(({ grid }, at) => (instants[at]! / 100) % Number(grid) !== 0)).toEqual([]);
  });
});

const occurrences = async (name: string) => (await runs(name)).filter(({ kind }) => kind === 'schedule');
const importJob = (name: string, job: object) => service.call('POST', '/jobs-file', { jobs: { [name]: job } });
const echo = (trigger: object) => ({ task: 'echo', input: { text: 'new' }, trigger });

describe('an occurrence whose jitter has not passed', () => {
  const TEN_YEARS = 315_360_000;
  /** Its latest occurrence was two seconds ago, and starts after a delay of up to ten years. */
  const givenDelayed = async (name: string, written = {}) => {
    const anchor = new Date(Date.now() - 2_000).toISOString();
    const trigger = { type: 'interval', everySeconds: TEN_YEARS, anchor, jitterSeconds: TEN_YEARS - 1 };
    await put(name, { task: 'echo', input: { text: 'old' }, trigger, ...written });
    await runSql(
      service.database,
      `UPDATE cronzimus.jobs SET next_occurrence_at = '${anchor}', next_run_at = '${IN_A_CENTURY}' WHERE name = '${name}'`,
    );
    return { anchor, trigger };
  };

  it.each<[string, (name: string, trigger: Record<string, unknown>) => Promise<{ status: number }>]>([
    ['a shorter jitter', (name) => patch(name, { trigger: { jitterSeconds: 1 }, input: { text: 'new' } })],
    ['no jitter', (name) => patch(name, { trigger: { jitterSeconds: 0 }, input: { text: 'new' } })],
    ['another interval', (name) => patch(name, { trigger: { everySeconds: 3600, jitterSeconds: 5 } })],
    ['an end that has passed', (name, { anchor }) => patch(name, { trigger: { endAt: anchor } })],
    ['a start', (name) => patch(name, { trigger: { startAt: IN_A_CENTURY } })],
    ['another anchor', (name) => patch(name, { trigger: { anchor: '2020-01-01T00:00:00.000Z' } })],
    ['another type', (name) => put(name, echo(daily))],
    ['a jobs file', (name) => importJob(name, echo({ ...daily, jitterSeconds: 60 }))],
    ['a pause and another trigger', (name) => patch(name, { paused: true, trigger: { jitterSeconds: 1 } })],
  ])('starts at an edit of the trigger, once and with the old definition: %s', async (change, edit) => {
    const name = `delayed.${change.replaceAll(' ', '-')}`;
    const { anchor, trigger } = await givenDelayed(name);
    expect((await edit(name, trigger)).status).toBe(200);
    await eventually(async () => expect(await occurrences(name)).toMatchObject([{ state: 'succeeded' }]));
    const [run] = await occurrences(name);
    expect(await service.get(`/runs/${run!.id}`)).toMatchObject({ scheduledAt: anchor, output: { text: 'old' } });
    expect(run!['latenessMs']).toBeGreaterThanOrEqual(0);
    await patch(name, { trigger: { type: 'cron', expression: '@yearly', jitterSeconds: 2 } });
    expect(await occurrences(name)).toHaveLength(1);
  });

  it('is skipped at an edit of the trigger while the job is paused', async () => {
    const { anchor } = await givenDelayed('delayed.paused', { paused: true });
    await patch('delayed.paused', { trigger: { jitterSeconds: 1 }, paused: false });
    const skipped = { state: 'skipped', reason: 'paused', scheduledAt: anchor };
    expect(await occurrences('delayed.paused')).toMatchObject([skipped]);
  });

  it('is cancelled when its job is deleted', async () => {
    const { anchor } = await givenDelayed('delayed.deleted');
    await remove('delayed.deleted');
    const cancelled = { state: 'cancelled', reason: 'job_deleted', scheduledAt: anchor };
    expect(await occurrences('delayed.deleted')).toMatchObject([cancelled]);
  });

  it('keeps its delay at an edit that leaves the trigger as it is, and at a pause and a resume', async () => {
    await givenDelayed('delayed.kept');
    await patch('delayed.kept', { priority: 1 });
    await service.call('POST', '/jobs/delayed.kept/pause');
    await service.call('POST', '/jobs/delayed.kept/resume');
    expect(await occurrences('delayed.kept')).toEqual([]);
    const { body } = await get('delayed.kept');
    expect(Date.parse(body['nextRunAt'] as string)).toBeGreaterThan(Date.now());
  });
});
