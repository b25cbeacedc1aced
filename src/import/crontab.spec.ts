import { checkJobs } from './check-jobs.js';
import { readCrontab } from './crontab.js';
import type { ImportOptions } from './found.js';

const read = (text: string, options: Partial<ImportOptions> = {}) =>
  readCrontab(text, { source: 'crontab', ...options });
const jobOf = (line: string, options?: Partial<ImportOptions>) => read(line, options).jobs[0]!;

it('imports a line with the request and the times', () => {
  expect(jobOf('# Nightly invoices\n30 2 * * * curl -fsS https://example.org/invoices/run >/dev/null 2>&1')).toEqual({
    place: 'line 2',
    name: 'example.org-invoices-run',
    definition: {
      task: 'http',
      description: 'Nightly invoices',
      input: { url: 'https://example.org/invoices/run' },
      trigger: { type: 'cron', expression: '30 2 * * *' },
      misfire: { policy: 'skip' },
      overlap: 'allow',
    },
    changes: [],
  });
});

it.each([
  ['*/5 8-18 * * mon-fri', '*/5 8-18 * * mon-fri'],
  ['@daily', '@daily'],
  ['0 0 1 * 1', '0 0 1 * 1'],
  // To cron, a day field that begins with a * restricts the other one.
  ['0 0 */2 * 1', '0 0 */2 * +1'],
  ['0 0 1 * */2', '0 0 1 * +*/2'],
  ['0 0 * * 1', '0 0 * * 1'],
  ['0\t0  1-7   *  0', '0 0 1-7 * 0'],
])('reads the schedule %j as %j', (schedule, expression) => {
  expect(jobOf(`${schedule} curl https://example.org`).definition.trigger).toMatchObject({ expression });
});

it('gives each line what is set above it', () => {
  const { jobs, remarks } = read(`
MAILTO=""
HOST = "https://a.example.org"
0 1 * * * curl $HOST
CRON_TZ=America/New_York
HOST='https://b.example.org'
0 2 * * * curl "$HOST/x"`);
  expect(jobs.map(({ definition: { input, trigger } }) => [input?.url, trigger])).toEqual([
    ['https://a.example.org', { type: 'cron', expression: '0 1 * * *' }],
    ['https://b.example.org/x', { type: 'cron', expression: '0 2 * * *', timeZone: 'America/New_York' }],
  ]);
  expect(remarks).toEqual([expect.stringMatching(/^line 2: MAILTO/), expect.stringMatching(/time zone.*--time-zone/)]);
});

it('writes the zone that it is told for lines without one', () => {
  const { jobs, remarks } = read('@daily curl https://example.org', { timeZone: 'Europe/Berlin' });
  expect(jobs[0]!.definition.trigger).toMatchObject({ timeZone: 'Europe/Berlin' });
  expect(remarks).toEqual([]);
});

it('ends the command at a %, and takes what follows as its input', () => {
  expect(jobOf('0 9 * * * curl -d @- --url https://example.org/100\\%25%good%day').definition.input).toMatchObject({
    url: 'https://example.org/100%25',
    body: 'goodday',
  });
});

describe('the column of users', () => {
  const ROOT = '17 * * * *\troot\tcurl -f https://example.org/a';
  const WEB = '18 * * * * www-data curl -f https://example.org/b';

  it.each<[string, string, Partial<ImportOptions>]>([
    ['where a line is of root', `${ROOT}\n${WEB}`, {}],
    ['by the path', WEB, { source: '/etc/cron.d/app' }],
    ['when told', WEB, { userColumn: true }],
  ])('is seen %s', (_how, text, options) => {
    const { jobs } = read(text, options);
    expect(jobs.at(-1)).toMatchObject({
      definition: { task: 'http', input: { url: 'https://example.org/b' } },
      changes: [expect.stringContaining('www-data')],
    });
  });
});

it.each([
  ['@reboot curl https://example.org', '@reboot'],
  ['61 * * * * curl https://example.org', 'minute "61"'],
  ['0 0 31 2 * curl https://example.org', 'never fires'],
  ['0 0 * * * curl -X POST ftp://example.org', 'http'],
  ['0 0 * * * curl -X GET -d a https://example.org', 'no body'],
  ['CRON_TZ=Mars/Base\n0 0 * * * curl https://example.org', 'time zone'],
])('names what is lost: %s', (text, reason) => {
  const { jobs, lost } = checkJobs(read(text));
  expect(jobs).toEqual([]);
  expect(lost).toEqual([{ place: expect.stringMatching(/^line \d$/), reason: expect.stringContaining(reason) }]);
});

it('keeps the times of a command that needs a task, to be completed', () => {
  expect(jobOf('15 3 1 * * /usr/local/bin/backup.sh --full')).toMatchObject({
    name: 'backup.sh',
    definition: { trigger: { expression: '15 3 1 * *' } },
    todo: expect.stringContaining('write a task'),
  });
});

it('names a line that is none of a crontab, and refuses a file of such lines', () => {
  expect(read('@daily curl https://example.org\nwhat?').lost).toEqual([
    { place: 'line 2', reason: expect.stringContaining('no line of a crontab') },
  ]);
  expect(() => read('# a\n\n{ "jobs": [] }')).toThrow(/line 3/);
});
