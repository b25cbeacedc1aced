import { checkJobs } from './check-jobs.js';
import { importCrontab } from './crontab.js';
import type { ImportOptions } from './import-result.js';

const read = (text: string, options: Partial<ImportOptions> = {}) =>
  importCrontab(text, { source: 'crontab', ...options });
const jobOf = (line: string, options?: Partial<ImportOptions>) => read(line, options).jobs[0]!;

it('imports the request and the times of a line', () => {
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
  // In cron, a day field that begins with a * restricts the other one.
  ['0 0 */2 * 1', '0 0 */2 * +1'],
  ['0 0 1 * */2', '0 0 1 * +*/2'],
  ['0 0 * * 1', '0 0 * * 1'],
  ['0\t0  1-7   *  0', '0 0 1-7 * 0'],
])('reads the schedule %j as %j', (schedule, expression) => {
  expect(jobOf(`${schedule} curl https://example.org`).definition.trigger).toMatchObject({ expression });
});

it('applies the variables that are set above a line', () => {
  const { jobs, notes } = read(`
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
  expect(notes).toEqual([expect.stringMatching(/^line 2: MAILTO/), expect.stringMatching(/time zone.*--time-zone/)]);
});

it('has no note on a variable of its commands, whatever it is named', () => {
  expect(read('constructor=5\n@daily curl https://example.org', { timeZone: 'UTC' }).notes).toEqual([]);
});

it('sets the given time zone for lines without one', () => {
  const { jobs, notes } = read('@daily curl https://example.org', { timeZone: 'Europe/Berlin' });
  expect(jobs[0]!.definition.trigger).toMatchObject({ timeZone: 'Europe/Berlin' });
  expect(notes).toEqual([]);
});

it('ends the command at a %, and passes what follows as its standard input', () => {
  expect(jobOf('0 9 * * * curl -d @- --url https://example.org/100\\%25%good%day').definition.input).toMatchObject({
    url: 'https://example.org/100%25',
    body: 'goodday',
  });
});

describe('the user column', () => {
  const ROOT = '17 * * * *\troot\tcurl -f https://example.org/a';
  const WEB = '18 * * * * www-data curl -f https://example.org/b';

  it.each<[string, string, Partial<ImportOptions>]>([
    ['because a line has the user root', `${ROOT}\n${WEB}`, {}],
    ['because of the path', WEB, { source: '/etc/cron.d/app' }],
    ['because of the option', WEB, { userColumn: true }],
  ])('is recognised %s', (_how, text, options) => {
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
])('lists what cannot be imported, with the reason: %s', (text, reason) => {
  const { jobs, notImported } = checkJobs(read(text));
  expect(jobs).toEqual([]);
  expect(notImported).toEqual([{ place: expect.stringMatching(/^line \d$/), reason: expect.stringContaining(reason) }]);
});

it('makes a job to be completed, with its times, of a command that needs a task', () => {
  expect(jobOf('15 3 1 * * /usr/local/bin/backup.sh --full')).toMatchObject({
    name: 'backup.sh',
    definition: { trigger: { expression: '15 3 1 * *' } },
    todo: expect.stringContaining('write a task'),
  });
});

it('reports a line that is not valid, and refuses a file without valid lines', () => {
  expect(read('@daily curl https://example.org\nwhat?').notImported).toEqual([
    { place: 'line 2', reason: expect.stringContaining('not a line of a crontab') },
  ]);
  expect(() => read('# a\n\n{ "jobs": [] }')).toThrow(/line 3/);
});
