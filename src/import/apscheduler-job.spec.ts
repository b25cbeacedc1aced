import { readApscheduler } from './apscheduler.js';
import { checkJobs } from './check-jobs.js';
import type { ImportOptions } from './found.js';

const read = (job: object, options: Partial<ImportOptions> = {}) =>
  readApscheduler(JSON.stringify([job]), { source: 'jobs.json', ...options });

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
])('%s is a request', (func, call, input) => {
  const job = { id: 'a', func, args: [], trigger: 'interval', hours: 1, ...call };
  expect(read(job).jobs[0]!.definition).toMatchObject({ task: 'http', input });
});

describe('a function of Python', () => {
  const job = {
    id: 'send report',
    func: 'app.jobs:send',
    args: ['weekly'],
    kwargs: { to: 'x' },
    trigger: 'cron',
    hour: 5,
  };

  it('keeps its times and arguments, to be completed', () => {
    expect(read(job).jobs[0]).toMatchObject({
      definition: { task: 'app.jobs:send', input: { to: 'x', args: ['weekly'] }, trigger: { expression: '0 5 * * *' } },
      todo: expect.stringMatching(/write a task.*--scheduler-api/),
    });
  });

  it('is run by the old service where that is named', () => {
    const { jobs } = checkJobs(read(job, { schedulerApi: 'http://flask:5000/scheduler/' }));
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
