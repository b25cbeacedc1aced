import { importApscheduler } from './apscheduler.js';
import { checkJobs } from './check-jobs.js';
import type { ImportOptions } from './import-result.js';

const read = (jobs: unknown, options: Partial<ImportOptions> = {}) =>
  importApscheduler(JSON.stringify(jobs), { source: 'jobs.json', ...options });
const readOne = (job: object, options?: Partial<ImportOptions>) => read([job], options);
const GET = { func: 'requests:get', args: ['https://example.org'] };
const definitionOf = (fields: object, options?: Partial<ImportOptions>) =>
  read([{ id: 'a', ...GET, trigger: 'interval', hours: 1, ...fields }], options).jobs[0]!.definition;

it.each<[string, object, object]>([
  ['cron', { trigger: 'cron', hour: 5 }, { type: 'cron', expression: '0 5 * * *' }],
  [
    'cron in its zone',
    { trigger: 'cron', hour: 5, timezone: 'Asia/Tokyo' },
    { type: 'cron', expression: '0 5 * * *', timeZone: 'Asia/Tokyo' },
  ],
  [
    'cron with bounds',
    {
      trigger: 'cron',
      hour: 5,
      timezone: 'Asia/Tokyo',
      start_date: '2026-01-01',
      end_date: '2026-02-01 12:00:00',
      jitter: 60,
    },
    {
      type: 'cron',
      expression: '0 5 * * *',
      timeZone: 'Asia/Tokyo',
      startAt: '2025-12-31T15:00:00.000Z',
      endAt: '2026-02-01T03:00:00.000Z',
      jitterSeconds: 60,
    },
  ],
  ['a nested trigger', { trigger: { type: 'cron', minute: '*' } }, { type: 'cron', expression: '* * * * *' }],
  ['an interval', { hours: 1, minutes: 30, seconds: 5 }, { type: 'interval', everySeconds: 5405 }],
  ['an interval of weeks and days', { weeks: 1, days: 1 }, { type: 'interval', everySeconds: 691_200 }],
  [
    'an interval from its start on',
    { hours: 1, start_date: '2026-11-23T14:00:10.123456+01:00' },
    { type: 'interval', everySeconds: 3600, anchor: '2026-11-23T13:00:10.123Z', startAt: '2026-11-23T13:00:10.123Z' },
  ],
  [
    'a date',
    { trigger: 'date', run_date: '2030-06-01T12:00:00+02:00' },
    { type: 'date', at: '2030-06-01T10:00:00.000Z' },
  ],
])('reads %s', (_what, fields, trigger) => {
  expect(definitionOf({ hours: 0, ...fields }).trigger).toEqual(trigger);
});

it.each<[object, object]>([
  [{}, { overlap: 'skip' }],
  [{ misfire_grace_time: 30 }, { misfire: { policy: 'skip', graceSeconds: 30, maxCatchUp: 1 }, overlap: 'skip' }],
  [{ misfire_grace_time: 30, coalesce: false }, { misfire: { policy: 'skip', graceSeconds: 30 } }],
  [{ misfire_grace_time: null }, { misfire: { policy: 'once' } }],
  [{ misfire_grace_time: null, coalesce: false }, { misfire: { policy: 'all' } }],
  [{ max_instances: 3 }, { overlap: 'allow' }],
  [{ next_run_time: null }, { paused: true }],
])('the policies %j become %j', (fields, expected) => {
  expect(definitionOf(fields)).toMatchObject(expected);
});

it('leaves out misfire when the file has no misfire_grace_time', () => {
  expect(definitionOf({})).not.toHaveProperty('misfire');
});

it('reads the configuration, with its time zone and its defaults for the jobs', () => {
  const { jobs, notes } = read({
    SCHEDULER_TIMEZONE: 'Europe/Berlin',
    SCHEDULER_JOB_DEFAULTS: { max_instances: 2 },
    JOBS: [
      { id: 'a', ...GET, trigger: 'cron', hour: 5 },
      { id: 'b', ...GET, trigger: 'date', run_date: '2030-12-24 18:00:00', max_instances: 1 },
    ],
  });
  expect(jobs.map(({ definition }) => [definition.trigger, definition.overlap])).toEqual([
    [{ type: 'cron', expression: '0 5 * * *', timeZone: 'Europe/Berlin' }, 'allow'],
    [{ type: 'date', at: '2030-12-24T17:00:00.000Z' }, 'skip'],
  ]);
  expect(notes).toEqual([]);
});

describe('the defaults for the jobs', () => {
  const DEFAULTS = { coalesce: false, max_instances: 3, misfire_grace_time: 60 };
  const policiesOf = (fields: object, defaults: object = DEFAULTS) => {
    const job = { id: 'a', ...GET, trigger: 'interval', hours: 1, ...fields };
    const { misfire, overlap } = read({ SCHEDULER_JOB_DEFAULTS: defaults, JOBS: [job] }).jobs[0]!.definition;
    return { misfire, overlap };
  };

  it.each([null, '', 'None'])('apply to a field that is %j', (empty) => {
    expect(policiesOf({ coalesce: empty, max_instances: empty })).toEqual({
      misfire: { policy: 'skip', graceSeconds: 60 },
      overlap: 'allow',
    });
  });

  it.each([null, 'None'])('do not replace a grace time of %j, which is without end', (grace) => {
    expect(policiesOf({ misfire_grace_time: grace })).toEqual({ misfire: { policy: 'all' }, overlap: 'allow' });
  });

  it.each([null, '', 'None'])('are those of APScheduler where they are %j', (empty) => {
    const given = { coalesce: empty, max_instances: empty, misfire_grace_time: 60 };
    expect(policiesOf({}, given)).toEqual({
      misfire: { policy: 'skip', graceSeconds: 60, maxCatchUp: 1 },
      overlap: 'skip',
    });
  });
});

it.each<[string, object, object]>([
  ['no arguments: ""', { args: '', kwargs: '' }, {}],
  ['no arguments: null', { args: null, kwargs: null }, {}],
  ['no arguments: {} and []', { args: {}, kwargs: [] }, {}],
  ['no arguments as Python writes them', { args: '()', kwargs: '{}' }, {}],
  ['JSON in a text', { args: '["a", 1]', kwargs: '{"to": "x"}' }, { args: ['a', 1], to: 'x' }],
  ['a single value', { args: 'weekly' }, { args: ['weekly'] }],
  ['a number', { args: 5 }, { args: [5] }],
])('reads %s', (_what, fields, input) => {
  expect(definitionOf({ func: 'app:send', ...fields }).input).toEqual(input);
});

it.each<[object, object]>([
  [{ misfire_grace_time: '' }, {}],
  [{ misfire_grace_time: '30' }, { misfire: { policy: 'skip', graceSeconds: 30 } }],
  [{ misfire_grace_time: 'None' }, { misfire: { policy: 'once' } }],
  [{ misfire_grace_time: 'None', coalesce: 'false' }, { misfire: { policy: 'all' } }],
  [{ coalesce: null, max_instances: '' }, { overlap: 'skip' }],
  [{ coalesce: 0, misfire_grace_time: null }, { misfire: { policy: 'all' } }],
  [{ max_instances: '3' }, { overlap: 'allow' }],
  [{ name: '', jitter: '', start_date: null, end_date: '', timezone: '' }, { overlap: 'skip' }],
  [{ weeks: null, days: '', minutes: '30' }, { trigger: { everySeconds: 5400 } }],
  [{ next_run_time: '' }, { paused: true }],
  [{ next_run_time: 'None' }, { paused: true }],
  [{ next_run_time: 1_893_456_000 }, {}],
  [{ trigger: "cron[hour='5', minute='*/10']", hours: null }, { trigger: { expression: '0-59/10 5 * * *' } }],
  [{ trigger: 'interval[1 day, 0:10:05]', hours: null }, { trigger: { everySeconds: 87_005 } }],
  [{ trigger: 'date[2030-06-01 12:00:00 UTC]' }, { trigger: { type: 'date', at: '2030-06-01T12:00:00.000Z' } }],
  [
    { trigger: 'date[2030-06-01 12:00:00 CEST]', timezone: 'Europe/Berlin' },
    { trigger: { type: 'date', at: '2030-06-01T10:00:00.000Z' } },
  ],
])('reads the odd forms of an export of a job store: %j', (fields, expected) => {
  const { jobs, notImported } = checkJobs(read([{ id: 'a', ...GET, trigger: 'interval', hours: 1, ...fields }]));
  expect(notImported).toEqual([]);
  expect(jobs[0]!.definition).toMatchObject(expected);
});

it('names a job without an id, or with a random one, after its function', () => {
  const jobs = [
    { func: 'app.jobs:send', trigger: 'interval', hours: 1 },
    { id: '', name: '', func: 'app.jobs:clean', trigger: 'interval', hours: 1 },
    { id: '0f5c1a2b3c4d5e6f708192a3b4c5d6e7', name: 'sweep', func: 'app.jobs:x', trigger: 'interval', hours: 1 },
    { id: '0f5c1a2b3c4d5e6f708192a3b4c5d6e8', ...GET, trigger: 'interval', hours: 1 },
  ];
  expect(checkJobs(read(jobs)).jobs.map(({ name }) => name)).toEqual([
    'app.jobs-send',
    'app.jobs-clean',
    'sweep',
    'example.org',
  ]);
});

describe('next_run_time', () => {
  const daily = { id: 'a', ...GET, trigger: 'cron', hour: '8', next_run_time: '2026-11-24T08:00:00+01:00' };
  const changesOf = (options: Partial<ImportOptions>) => read([daily], options).jobs[0]!.changes.join();

  it('shows whether the time zone is right', () => {
    expect(changesOf({ timeZone: 'Europe/Berlin' })).not.toContain('next_run_time');
    expect(changesOf({})).toMatch(/next_run_time .* in UTC; give .*--time-zone/);
    expect(changesOf({ timeZone: 'Asia/Tokyo' })).toContain('in Asia/Tokyo');
  });

  it('is shown as a date, if the file has seconds', () => {
    const changes = read([{ ...daily, next_run_time: 1_900_000_000.5 }]).jobs[0]!.changes.join();
    expect(changes).toContain('next_run_time 2030-03-17T17:46:40.500Z is not an occurrence');
    expect(read([daily]).jobs[0]!.changes.join()).toContain('next_run_time 2026-11-24T08:00:00+01:00 is not');
  });
});

it.each<[object, string]>([
  [{ trigger: 'cron', week: '1' }, 'weeks of the year'],
  [{ trigger: 'and' }, 'neither cron, interval nor date'],
  [{ trigger: 'date' }, 'run_date'],
  [{ trigger: null }, 'run_date'],
  [{ trigger: 'cron[hour=5]' }, 'neither cron, interval nor date'],
  [{ trigger: 'date[2030-06-01 12:00:00 CEST]' }, '--time-zone'],
  [{ kwargs: 'a=1' }, 'kwargs'],
  [{ misfire_grace_time: 'long' }, 'misfire_grace_time'],
  [{ trigger: 'date', run_date: 'tomorrow' }, 'not a date'],
  [{ trigger: 'date', run_date: '2026-02-30' }, 'no such day'],
  [{ trigger: 'cron', hour: 1, timezone: 'Mars/Base' }, 'time zone'],
  [{ func: undefined }, 'func'],
  [{ jitter: 4000 }, 'jitterSeconds'],
])('lists what cannot be imported, with the reason: %j', (fields, reason) => {
  const { jobs, notImported } = checkJobs(read([{ id: 'a', ...GET, trigger: 'interval', hours: 1, ...fields }]));
  expect(jobs).toEqual([]);
  expect(notImported).toMatchObject([{ place: 'job "a"', reason: expect.stringContaining(reason) }]);
});

it.each<[unknown, string]>([
  [24, 'it is not an object'],
  ['a', 'it is not an object'],
  [null, 'it is not an object'],
  [[{ id: 'a' }], 'it is not an object'],
])('says of the entry %j that it is none', (entry, reason) => {
  expect(read([{ id: 'a', ...GET, trigger: 'interval', hours: 1 }, entry]).notImported).toMatchObject([
    { place: 'entry 2', reason },
  ]);
});

it('says of a number that would change only that, if it is the whole entry', () => {
  expect(importApscheduler('[1e400]', { source: 'x' }).notImported).toMatchObject([
    { reason: expect.stringMatching(/^This number/) },
  ]);
});

it.each([
  ['[\n  { "id": "a" },\n  { "id": }, None\n]', 'line 3'],
  ['{ "jobs": [] }', 'line 1'],
  ['', 'line 1'],
])('refuses a file that cannot be parsed, and names the line: %j', (text, line) => {
  expect(() => importApscheduler(text, { source: 'x' })).toThrow(
    expect.objectContaining({ code: 'IMPORT_UNREADABLE' }),
  );
  expect(() => importApscheduler(text, { source: 'x' })).toThrow(line);
});

it.each<[string, object, object]>([
  [
    'requests.api:get',
    { args: ['https://example.org'], kwargs: { params: { a: 'b c' }, timeout: 5 } },
    { url: 'https://example.org?a=b+c' },
  ],
  [
    'requests:post',
    { kwargs: { url: 'https://example.org', json: { a: 1 } } },
    { method: 'POST', url: 'https://example.org', body: { a: 1 } },
  ],
  [
    'requests:put',
    { args: ['https://example.org'], kwargs: { data: { a: 'b' }, headers: { X: 'y' } } },
    {
      method: 'PUT',
      url: 'https://example.org',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded', X: 'y' },
      body: 'a=b',
    },
  ],
  ['urllib.request:urlopen', { args: ['https://example.org'] }, { url: 'https://example.org' }],
])('%s becomes a request', (func, call, input) => {
  const job = { id: 'a', func, args: [], trigger: 'interval', hours: 1, ...call };
  expect(readOne(job).jobs[0]!.definition).toMatchObject({ task: 'http', input });
});

describe('a Python function', () => {
  const job = {
    id: 'send report',
    func: 'app.jobs:send',
    args: ['weekly'],
    kwargs: { to: 'x' },
    trigger: 'cron',
    hour: 5,
  };

  it('becomes a job to be completed, with its times and arguments', () => {
    expect(readOne(job).jobs[0]).toMatchObject({
      definition: { task: 'app.jobs:send', input: { to: 'x', args: ['weekly'] }, trigger: { expression: '0 5 * * *' } },
      todo: expect.stringMatching(/write a task.*--scheduler-api/),
    });
  });

  it('is run by the old service when its API is given', () => {
    const { jobs } = checkJobs(readOne(job, { schedulerApi: 'http://flask:5000/scheduler/' }));
    expect(jobs).toMatchObject([
      {
        name: 'send-report',
        definition: {
          task: 'http',
          input: { method: 'POST', url: 'http://flask:5000/scheduler/jobs/send%20report/run' },
        },
      },
    ]);
  });
});

it('lists a job with a number that would change as not imported, with the place of the number', () => {
  const text = '[{"id":"a","func":"jobs:a","kwargs":{"user":9007199254740993},"trigger":"interval","hours":1}]';
  expect(importApscheduler(text, { source: 'jobs.json' })).toMatchObject({
    jobs: [],
    notImported: [
      { place: 'job "a"', reason: expect.stringContaining('kwargs/user: This number cannot be kept exactly') },
    ],
  });
});
