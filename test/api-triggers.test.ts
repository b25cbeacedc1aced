import { TestService } from './support/service.js';

let service: TestService;
beforeAll(async () => {
  service = await TestService.start();
});
afterAll(() => service.stop());

const preview = (trigger: unknown, more = {}) => service.call('POST', '/triggers/preview', { trigger, ...more });

const cron = (expression: string, more = {}) => ({ type: 'cron', expression, ...more });

describe('the preview of a trigger', () => {
  it('has a description, the occurrences, and notes on what may surprise', async () => {
    const trigger = { type: 'cron', expression: '30 2 * * *', timeZone: 'Europe/Berlin' };
    const { status, body } = await preview(trigger, { after: '2026-03-28T00:00:00Z', count: 3 });
    expect(status).toBe(200);
    expect(body).toEqual({
      description: 'At 02:30 (Europe/Berlin)',
      occurrences: ['2026-03-28T01:30:00.000Z', '2026-03-29T01:00:00.000Z', '2026-03-30T00:30:00.000Z'],
      notes: [expect.stringContaining('observes DST')],
    });
  });

  it.each<[object, object, string[]]>([
    [
      { type: 'interval', everySeconds: 0.5, anchor: '2026-01-01T00:00:00Z' },
      { after: '2026-01-01T00:00:00.250Z', count: 2 },
      ['2026-01-01T00:00:00.500Z', '2026-01-01T00:00:01.000Z'],
    ],
    [
      { type: 'date', at: '2026-12-24T19:00:00+01:00' },
      { after: '2026-01-01T00:00:00Z' },
      ['2026-12-24T18:00:00.000Z'],
    ],
    [{ type: 'date', at: '2020-01-01T00:00:00Z' }, {}, []],
    [{ type: 'cron', expression: '0 0 29 2 *' }, { after: '9997-01-01T00:00:00Z' }, []],
  ])('%j, %j', async (trigger, more, occurrences) => {
    expect((await preview(trigger, more)).body).toMatchObject({ occurrences });
  });

  it('has five occurrences by default, and up to 1,000', async () => {
    const trigger = { type: 'cron', expression: '@hourly' };
    expect((await preview(trigger)).body['occurrences']).toHaveLength(5);
    expect((await preview(trigger, { count: 1_000 })).body['occurrences']).toHaveLength(1_000);
  });

  it.each(['0000-01-01T00:00:00Z', '9999-12-31T23:59:59-23:59', '9999-12-31T00:00:00Z'])(
    'can begin at any valid instant: %s',
    async (after) => {
      for (const trigger of [
        { type: 'interval', everySeconds: 1 },
        { type: 'cron', expression: '* * * * *', timeZone: 'America/New_York' },
      ])
        expect((await preview(trigger, { after })).status).toBe(200);
    },
  );

  it.each<[unknown, string, string]>([
    [undefined, '/trigger', 'cron, interval or date'],
    [null, '/trigger', 'cron, interval or date'],
    ['@daily', '/trigger', 'cron, interval or date'],
    [{ type: 'daily' }, '/trigger/type', 'cron, interval or date'],
    [{ type: 'cron' }, '/trigger/expression', 'such as "0 9 * * MON-FRI"'],
    [cron(''), '/trigger/expression', ''],
    [cron('*/0 * * * *'), '/trigger/expression', 'a step of 0'],
    [cron('61 * * * *'), '/trigger/expression', '59'],
    [cron('* * *'), '/trigger/expression', 'fields'],
    [cron('0 0 31 2 *'), '/trigger/expression', 'never fires'],
    [cron(`${'0,'.repeat(200)}0 * * * *`), '/trigger/expression', '256'],
    [cron('@daily', { timeZone: 'Mars/Phobos' }), '/trigger/timeZone', 'IANA'],
    [cron('@daily', { timezone: 'UTC' }), '/trigger/timezone', 'Unknown field'],
    [cron('@daily', { startAt: 'now' }), '/trigger/startAt', 'ISO 8601'],
    [cron('@hourly', { jitterSeconds: 3600 }), '/trigger/jitterSeconds', '3600 seconds'],
    [{ type: 'interval', everySeconds: 0.05 }, '/trigger/everySeconds', '0.1'],
    [{ type: 'interval', everySeconds: '30' }, '/trigger/everySeconds', 'a number of seconds'],
    [{ type: 'date', at: 'tomorrow' }, '/trigger/at', 'ISO 8601'],
  ])('refuses %j', async (trigger, path, message) => {
    const { status, body } = await preview(trigger);
    expect({ status, code: body['code'] }).toEqual({ status: 422, code: 'INVALID_BODY' });
    expect(body['errors']).toEqual([{ path, message: expect.stringContaining(message) }]);
  });
});

describe('the tasks', () => {
  it('are listed by name, with the JSON Schema of their input', async () => {
    const { items } = await service.get<{ items: { name: string }[] }>('/tasks');
    const names = items.map(({ name }) => name);
    expect(names).toEqual(names.toSorted());
    expect(names).toEqual(expect.arrayContaining(['echo', 'http', 'prune-runs', 'sql', 'table-sizes', 'wait']));
    expect(items.find(({ name }) => name === 'echo')).toEqual({
      name: 'echo',
      description: 'Answers with its input.',
      transactional: false,
      workers: 1,
      input: {
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        type: 'object',
        properties: {
          text: { type: 'string', description: 'What to answer.' },
          times: expect.objectContaining({ type: 'integer', minimum: 1, default: 1 }),
        },
        required: ['text'],
        additionalProperties: false,
      },
    });
  });
});

describe('the health', () => {
  it.each([
    ['/health/live', ['process']],
    ['/health/ready', ['scheduler']],
    ['/health', ['clock', 'dataLoss', 'database', 'occurrences', 'queue', 'scheduler', 'zoneData']],
  ])('%s is up', async (path, details) => {
    const response = await fetch(service.url + path);
    const report = (await response.json()) as { status: string; details: object };
    expect({ status: response.status, report: report.status }).toEqual({ status: 200, report: 'ok' });
    expect(Object.keys(report.details).toSorted()).toEqual(details);
  });
});

describe('clock changes', () => {
  const trigger = { type: 'cron', expression: '30 2 * * *', timeZone: 'Europe/Berlin' };

  it.each([
    [{ gap: 'run' }, '2026-03-29T01:00:00.000Z', 'runs right after that hour'],
    [{ gap: 'skip' }, '2026-03-30T00:30:00.000Z', 'does not run'],
    [{ gap: 'shift' }, '2026-03-29T01:30:00.000Z', 'runs an hour later'],
  ])('are previewed with %j', async (clockChange, occurrence, note) => {
    const { body } = await preview(trigger, { clockChange, after: '2026-03-28T12:00:00Z', count: 1 });
    expect(body).toMatchObject({ occurrences: [occurrence], notes: [expect.stringContaining(note)] });
  });

  it('follow the setting of the job, which a patch with null resets', async () => {
    const job = { task: 'echo', input: { text: 'x' }, trigger, clockChange: { gap: 'shift', repeat: 'both' } };
    const created = await service.call('PUT', '/jobs/nightly', job);
    expect([created.status, created.body['clockChange']]).toEqual([201, { gap: 'shift', repeat: 'both' }]);
    const nights = { from: '2025-10-25T22:00:00Z', to: '2026-03-29T12:00:00Z', dryRun: true };
    const occurrences = async () => {
      const { body } = await service.call('POST', '/jobs/nightly/backfill', nights);
      return (body['occurrences'] as string[]).slice(0, 2);
    };
    expect(await occurrences()).toEqual(['2025-10-26T00:30:00.000Z', '2025-10-26T01:30:00.000Z']);
    const patched = await service.call('PATCH', '/jobs/nightly', { clockChange: null });
    expect(patched.body).toMatchObject({ clockChange: { gap: null, repeat: null }, version: 2 });
    expect(await occurrences()).toEqual(['2025-10-26T00:30:00.000Z', '2025-10-27T01:30:00.000Z']);
  });

  it.each([
    [{ gap: 'later' }, '/clockChange/gap'],
    [{ repeat: 1 }, '/clockChange/repeat'],
    [{ gaps: 'run' }, '/clockChange/gaps'],
    ['run', '/clockChange'],
  ])('refuse %j with its path', async (clockChange, path) => {
    const { status, body } = await preview(trigger, { clockChange });
    expect(status).toBe(422);
    expect(body['errors']).toEqual([{ path, message: expect.any(String) }]);
  });
});
