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
      description: 'Nightly invoices\ncrontab: curl -fsS https://example.org/invoices/run >/dev/null 2>&1',
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
  expect(notes).toEqual([
    expect.stringMatching(/^line 2: MAILTO/),
    expect.stringMatching(/^line 5: CRON_TZ=America\/New_York is taken .*Debian's cron ignores it/),
    expect.stringMatching(/time zone.*--time-zone/),
  ]);
});

it('has no note on a variable of its commands, whatever it is named', () => {
  expect(read('constructor=5\n@daily curl https://example.org', { timeZone: 'UTC' }).notes).toEqual([]);
});

it('sets the given time zone for lines without one', () => {
  const { jobs, notes } = read('@daily curl https://example.org', { timeZone: 'Europe/Berlin' });
  expect(jobs[0]!.definition.trigger).toMatchObject({ timeZone: 'Europe/Berlin' });
  expect(notes).toEqual([]);
});

it('names the zone of the lines without CRON_TZ when both are given', () => {
  const text = '@daily curl https://example.org\nCRON_TZ=Asia/Tokyo\n@daily curl https://example.org';
  const { jobs, notes } = read(text, { timeZone: 'Europe/Berlin' });
  expect(jobs.map(({ definition: { trigger } }) => trigger)).toMatchObject([
    { timeZone: 'Europe/Berlin' },
    { timeZone: 'Asia/Tokyo' },
  ]);
  expect(notes.join()).toMatch(/CRON_TZ=Asia\/Tokyo.*without CRON_TZ use the time zone Europe\/Berlin/);
});

it.each([
  ['# a\n# b\n', 'a b'],
  ['# title\n#\n# a\n', 'a'],
  ['#\n# Cron jobs of a package\n#\n', ''],
  ['# a\n\n', ''],
  ['# m h  dom mon dow   command\n', ''],
  ['# a\n# *  *  *  *  *  command to be executed\n', ''],
  ['# .---------------- minute (0 - 59)\n# |  |  |\n', ''],
  ['# 5 times a day\n', '5 times a day'],
  ['# a\n#@daily echo\n', ''],
])('describes a job with the comment above it: %j', (comment, description) => {
  const [first = ''] = jobOf(`${comment}@daily a`).definition.description!.split(/\n?crontab: /);
  expect(read(`${comment}@daily a`).jobs.at(-1)!.definition.description).toBe(
    `${description}${description && '\n'}crontab: a`,
  );
  expect(first).not.toContain('crontab');
});

const described = (command: string) => jobOf(`@daily ${command}`).definition.description;

it('keeps the command as it is written, without the passwords in it', () => {
  expect(described('mysqldump --password=geheim db | gzip > "/a/$(date +\\%F).gz"')).toBe(
    'crontab: mysqldump --password=*** db | gzip > "/a/$(date +\\%F).gz"',
  );
  expect(
    described('curl -u user:secret -H "Authorization: Bearer secret" https://user:secret@example.org'),
  ).not.toContain('secret');
  expect(described('PGPASSWORD=geheim pg_dump app')).toBe('crontab: PGPASSWORD=*** pg_dump app');
  expect(described('curl -H "Authorization: Bearer $TOKEN" -u $USER:$PASS https://example.org')).toBe(
    'crontab: curl -H "Authorization: Bearer $TOKEN" -u $USER:$PASS https://example.org',
  );
});

it('imports an entry that is commented out as disabled, and no sentence', () => {
  const { jobs } = read(`@daily curl https://example.org/a
#0 4 * * * curl https://example.org/b
# */5 8-18 * * mon-fri /bin/c
# 5 things to do in the morning
# see @daily of the manual`);
  expect(jobs.map(({ name, disabled = false }) => [name, disabled])).toEqual([
    ['example.org-a', false],
    ['example.org-b', true],
    ['c', true],
  ]);
});

describe('fields', () => {
  it.each([
    ['*/10 * * * * * curl https://example.org', '*/10 * * * * *'],
    ['0 30 9 * * MON-FRI curl https://example.org', '0 30 9 * * MON-FRI'],
    ['0 30 9 * * 1,3 /bin/a', '0 30 9 * * 1,3'],
    ['0 0 7 1/1 * ? * /bin/a', '0 0 7 1/1 * ? *'],
    ['0 30 9 * * * 2030 /bin/a', '0 30 9 * * * 2030'],
    ['30 9 * * 1 2030 /bin/a', '0 30 9 * * 1 2030'],
    ['0 10 * * ? * /bin/a', '0 0 10 * * ? *'],
    ['0 9 ? * 2-6 * curl https://example.org', '0 0 9 ? * MON-FRI *'],
    ['0 9 ? * 6-2 2030 /bin/a', '0 0 9 ? * FRI-SAT,SUN-MON 2030'],
    ['0 9 ? * 2#1 * /bin/a', '0 0 9 ? * MON#1 *'],
    ['0 9 ? * L * /bin/a', '0 0 9 ? * SAT *'],
    ['30 9 * * 1 w -h', '30 9 * * 1'],
    ['30 9 * * 1 7z a b', '30 9 * * 1'],
    ['@every_minute /bin/a', '* * * * *'],
  ])('of %j are %j', (line, expression) => {
    expect(jobOf(line).definition.trigger).toMatchObject({ expression });
  });

  it.each([
    ['@every 1h30m /bin/a', 5400],
    ['@every_second /bin/a', 1],
    ['@90 /bin/a', 90],
  ])('%j becomes an interval', (line, everySeconds) => {
    expect(jobOf(line).definition.trigger).toEqual({ type: 'interval', everySeconds });
  });

  it('are said to begin with seconds when there are six', () => {
    expect(read('*/10 * * * * * /bin/a', { timeZone: 'UTC' }).notes).toEqual([
      'line 1: it has six fields, and its first field is taken as seconds',
    ]);
    expect(read('@daily a\n*/10 * * * * * /bin/a\n*/20 * * * * * /bin/a', { timeZone: 'UTC' }).notes).toEqual([
      'line 2: 2 lines have six fields, such as this one; their first field is taken as seconds',
    ]);
  });

  it('of Quartz have another Sunday, which is reported', () => {
    expect(jobOf('0 0 9 ? * 2 * /bin/a').changes).toEqual([expect.stringContaining('1 = Sunday')]);
  });

  it('of AWS have another Sunday: with a ? they are converted, and without one this is reported', () => {
    expect(jobOf('0 9 ? * 2-6 * /bin/a').changes).toEqual([
      expect.stringContaining('end with a year'),
      'day of week 2-6 becomes MON-FRI: AWS counts from 1 = Sunday',
    ]);
    expect(jobOf('0 9 ? * mon-fri * /bin/a').changes).toEqual([expect.stringContaining('end with a year')]);
    expect(jobOf('0 9 ? * fri-mon * /bin/a').definition.trigger).toMatchObject({
      expression: '0 0 9 ? * FRI-SAT,SUN-MON *',
    });
    expect(jobOf('30 9 * * 1 2030 /bin/a').changes).toEqual([
      expect.stringContaining('end with a year'),
      'day of week 1: AWS counts from 1 = Sunday, the service from 0 = Sunday',
    ]);
    expect(jobOf('30 9 1 * * 2030 /bin/a').changes).toEqual([expect.stringContaining('end with a year')]);
    expect(jobOf('30 9 * * FRI#2 2030 /bin/a').changes).toEqual([expect.stringContaining('end with a year')]);
  });
});

it('names jobs after what they run', () => {
  const { jobs } = checkJobs(
    read(`0 1 * * * /srv/run_script email:send
0 2 * * * cd /srv && ./run_script log:rotate backend prod
0 3 * * * cd /srv && ./run_script log:rotate frontend prod
0 4 * * * nice -n 19 flock -n /tmp/l python3 -u /srv/sweep.py --all
0 5 * * * test -x /bin/a || ( cd / && run-parts --report /etc/cron.daily )
0 6 * * * /bin/sh -lc 'cd /opt && bundle exec rake congress:update' >>/var/log/cron.log 2>&1
0 7 * * * docker exec -t web php artisan schedule:run
0 8 * * * FOO=1 ID=packback ~/bin/p.sh
0 9 * * * /srv/play.sh
0 10 * * * /srv/play.sh
0 11 * * * curl https://example.org/cron.php?job=a
0 12 * * * curl https://example.org/cron.php?job=b`),
  );
  expect(jobs.map(({ name }) => name)).toEqual([
    'run_script-email-send',
    'run_script-log-rotate-backend',
    'run_script-log-rotate-frontend',
    'sweep.py',
    'run-parts-cron.daily',
    'rake-congress-update',
    'artisan-schedule-run',
    'packback',
    'play.sh',
    'play.sh-2',
    'example.org-cron.php-job-a',
    'example.org-cron.php-job-b',
  ]);
});

it.each([
  [['redis-cli -a geheim ping'], ['redis-cli-ping']],
  [['sshpass -p geheim ssh h'], ['ssh-h']],
  [
    ['mysqldump -pgeheim db', 'mysqldump -pgeheim --all db'],
    ['mysqldump--p--db', 'mysqldump--p----all-db'],
  ],
  [
    ['curl -f https://example.org/?token=geheim', 'curl -f https://example.org/?token=geheim2'],
    ['example.org-token', 'example.org-token-2'],
  ],
])('never names jobs after a password that can be recognised: %j', (commands, names) => {
  const text = commands.map((command) => `@daily ${command}`).join('\n');
  expect(checkJobs(read(text, { userColumn: false })).jobs.map(({ name }) => name)).toEqual(names);
});

it('says of run-parts what it starts', () => {
  expect(jobOf('@daily run-parts --report /etc/cron.daily').todo).toMatch(/every program in \/etc\/cron.daily/);
});

it('sends a request that cron starts in the background', () => {
  expect(jobOf('@daily curl -fsS https://example.org >/dev/null 2>&1 &').definition.task).toBe('http');
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
    ['because of a package', WEB, { source: 'debian/app.cron.d' }],
    ['because of a known user', WEB, {}],
    ['because of the heading', `# m h dom mon dow user  command\n${WEB.replace('www-data', 'app')}`, {}],
    [
      'because of the heading of a BSD',
      `#minute\thour\tmday\tmonth\twday\twho\tcommand\n#\n${WEB.replace('www-data', 'app')}`,
      {},
    ],
  ])('is recognised %s', (_how, text, options) => {
    const { jobs } = read(text, options);
    expect(jobs.at(-1)).toMatchObject({
      definition: { task: 'http', input: { url: 'https://example.org/b' } },
      changes: expect.arrayContaining([expect.stringMatching(/the user (www-data|app)/)]),
    });
  });
});

const found = (text: string, options?: Partial<ImportOptions>) =>
  read(text, options).jobs.map(({ name, definition: { trigger }, changes }) => [name, trigger, changes.join()]);

describe('a user who is named like a month or a day', () => {
  const Y = ['y.sh', { type: 'cron', expression: '0 9 * * 1' }];

  it.each<[string, string, Partial<ImportOptions>]>([
    ['by the path', '0 9 * * 1 jan /x/y.sh', { source: '/etc/cron.d/x' }],
    ['by the path of the system crontab', '0 9 * * 1 mon /x/y.sh', { source: '/etc/crontab' }],
    ['by the option', '0 9 * * 1 sun /x/y.sh', { userColumn: true }],
    ['by the heading', '# m h dom mon dow user command\n0 9 * * 1 may /x/y.sh', {}],
    ['by another line', '0 9 * * 1 fri /x/y.sh\n#0 9 * * 1 mon /x/z.sh\n0 8 * * * root /x/z.sh', {}],
  ])('is the user where the column is known %s', (_how, text, options) => {
    const user = /(jan|mon|sun|may|fri) \//.exec(text)![1]!;
    expect(found(text, options)[0]).toEqual([...Y, expect.stringContaining(`the user ${user} `)]);
  });

  it('is no field where the column is not known, if it is a month', () => {
    expect(() => found('0 9 * * 1 jan /x/y.sh')).toThrow(/line 1: "jan" may be the user/);
    expect(found('0 9 * * 1 jan /x/y.sh', { userColumn: false })).toEqual([['jan-y.sh', Y[1], '']]);
  });

  it('is a field where no line names a user, if it is a day', () => {
    expect(found('0 30 9 * * mon /x/y.sh')).toEqual([['y.sh', { type: 'cron', expression: '0 30 9 * * mon' }, '']]);
    expect(found('0 30 9 * * mon-fri,sun root /x/y.sh', { source: '/etc/crontab' })).toMatchObject([
      ['y.sh', { expression: '0 30 9 * * mon-fri,sun' }, expect.stringContaining('the user root')],
    ]);
  });
});

it.each([
  ['0 1 * * * php /srv/a.php'],
  ['0 1 * * * /srv/a.sh /etc/a.conf'],
  ['0 1 * * * backup nightly'],
  ['0 1 * * * sync; /bin/a'],
  ['0 1 * * * push-dotfiles >> /var/log/a.log'],
  ['# m h  dom mon dow   command\n0 1 * * * sweep /srv/files'],
])('takes the first word of %j as the program', (text) => {
  expect(read(text).jobs[0]!.changes).toEqual([]);
});

it('takes the line of a system crontab that begins with a program as one without a user', () => {
  const { jobs } = read('0 1 * * * cd /srv && php a.php\n0 2 * * * root php b.php');
  expect(jobs.map(({ name, changes }) => [name, changes.join()])).toEqual([
    ['a.php', expect.stringContaining('names no user')],
    ['b.php', expect.stringContaining('the user root')],
  ]);
});

it('asks when a word may be a user or a program', () => {
  const text = '0 1 * * * freeside /usr/bin/freeside-daily';
  expect(() => read(text)).toThrow(expect.objectContaining({ code: 'IMPORT_AMBIGUOUS' }));
  expect(() => read(text)).toThrow(/line 1: "freeside".*--user-column or --no-user-column/);
  expect(read(text, { userColumn: true }).jobs[0]!.name).toBe('freeside-daily');
  expect(read(text, { userColumn: false }).jobs[0]!.name).toBe('freeside-freeside-daily');
});

it.each([
  ['0~59 1 * * * curl https://example.org', 'random'],
  ['1 5 cron.daily nice run-parts /etc/cron.daily', 'anacrontab'],
  ['@reboot curl https://example.org', '@reboot'],
  ['61 * * * * curl https://example.org', 'minute "61"'],
  ['0 0 31 2 * curl https://example.org', 'never fires'],
  ['0 0 * * * curl -X POST ftp://example.org', 'http'],
  ['0 0 * * * curl -X GET -d a https://example.org', 'no body'],
  ['CRON_TZ=Mars/Base\n0 0 * * * curl https://example.org', 'time zone'],
])('lists what cannot be imported, with the reason: %s', (text, reason) => {
  const { jobs, notImported } = checkJobs(read(text));
  expect(jobs).toEqual([]);
  expect(notImported).toMatchObject([
    { place: expect.stringMatching(/^line \d$/), reason: expect.stringContaining(reason) },
  ]);
});

it('makes a job to be completed, with its times, of a command that needs a task', () => {
  expect(jobOf('15 3 1 * * /usr/local/bin/backup.sh --full')).toMatchObject({
    name: 'backup.sh',
    definition: { trigger: { expression: '15 3 1 * *' } },
    todo: expect.stringContaining('write a task'),
  });
});

it.each([
  ['run_script monitor:top', 'run_script-monitor-top', 'run_script'],
  ['cd /srv && nice ./run_script log:rotate backend', 'run_script-log-rotate', 'run_script'],
  ['php /srv/x.php a', 'x.php-a', 'x.php'],
  ['ID=nightly /bin/a b', 'nightly', 'nightly'],
  ['a | b', 'a', 'a'],
])('names the task of a job to be completed after the program alone: %s', (command, name, task) => {
  expect(jobOf(`@daily ${command}`, { userColumn: false })).toMatchObject({ name, definition: { task } });
});

it('says why the user is dropped, of a request and of a job to be completed', () => {
  const { jobs } = read('@daily root curl -f https://example.org\n@daily root php a.php');
  expect(jobs.map(({ changes }) => changes)).toEqual([
    ['the user root is dropped: the service sends the request'],
    ['the user root is dropped: a task runs as the user of the service'],
  ]);
});

it('reports a line that is not valid, and refuses a file without valid lines', () => {
  expect(read('@daily curl https://example.org\nwhat?').notImported).toEqual([
    { place: 'line 2', reason: expect.stringContaining('not a line of a crontab'), original: 'what?' },
  ]);
  expect(() => read('# a\n\n{ "jobs": [] }')).toThrow(/line 3/);
});
