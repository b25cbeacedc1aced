import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { JobsFileParser } from '../src/jobs/file/jobs-file-parser.js';
import { readJobsTexts } from '../src/jobs/file/jobs-file-watch.js';
import { createTestApplication } from './support/application.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';

let database: TestDatabase;
let app: NestExpressApplication;
let folder: string;
beforeAll(async () => {
  database = await createTestDatabase();
  app = await createTestApplication(database.url);
  folder = await mkdtemp(join(tmpdir(), 'cronzimus-import-'));
});
afterAll(async () => {
  await app.close();
  await database.drop();
  await rm(folder, { recursive: true });
});

function runImport(args: string[], input = '') {
  const options = {
    input,
    encoding: 'utf8',
    timeout: 60_000,
    env: { ...process.env, INIT_CWD: resolve('test/samples') },
  } as const;
  return spawnSync(process.execPath, [resolve('dist/import/main.js'), ...args], options);
}

/** The jobs that the service reads from the printed file. */
async function jobsIn(yaml: string) {
  const path = join(folder, 'jobs.yaml');
  await writeFile(path, yaml);
  return app.get(JobsFileParser, { strict: false }).parse(path, await readJobsTexts(path));
}

it.each([
  [['crontab', 'crontab'], 5, ['backup.sh', '@reboot', 'minute "61"', 'MAILTO']],
  [['crontab', 'system.crontab'], 1, ['www-data', 'Authorization']],
  [
    ['apscheduler', 'flask-jobs.json', '--time-zone=Europe/Berlin'],
    2,
    ['send_report', 'weeks of the year', '"party-2030"'],
  ],
  [['apscheduler', 'flask-jobs.json', '--scheduler-api=http://flask:5000/scheduler'], 3, ['--time-zone']],
  [['apscheduler', 'flask-config.json'], 3, ['nightly']],
  [['k8s', 'cronjobs.yaml'], 2, ['dump', 'CronJob bearer', 'of other kinds: 1']],
])('a service accepts the file that is printed for %j unchanged', async (args, count, notices) => {
  const { stdout, stderr, status } = runImport(args);
  expect(status).toBe(0);
  expect((await jobsIn(stdout)).size).toBe(count);
  for (const notice of notices) expect(stderr).toContain(notice);
});

it('reads standard input', async () => {
  const { stdout, status } = runImport(['crontab', '-'], '@daily curl -f https://example.org/daily\n');
  expect(status).toBe(0);
  expect([...(await jobsIn(stdout)).keys()]).toEqual(['example.org-daily']);
});

it('prints a file without jobs when none can be imported', async () => {
  const { stdout, status } = runImport(['crontab', '-'], '@reboot a\n0 1 * * * backup.sh\n');
  expect(status).toBe(0);
  expect((await jobsIn(stdout)).size).toBe(0);
});

it.each([
  [['apscheduler', '-'], '[{]', 'IMPORT_UNREADABLE: line 1'],
  [['k8s', '-'], 'a: b\nc: [', 'IMPORT_UNREADABLE: line 2'],
  [['crontab', '-'], '\nnothing\n', 'IMPORT_UNREADABLE: line 2'],
  [['crontab', 'absent'], '', 'IMPORT_UNREADABLE: ENOENT'],
  [['crontab'], '', 'IMPORT_USAGE'],
  [['anacron', '-'], '', 'IMPORT_USAGE'],
  [['crontab', '-', '--time-zone=Mars/Base'], '', 'Mars/Base'],
  [['crontab', '-', '--fast'], '', '--fast'],
])('ends with 1 and prints no file for %j of %j', (args, input, message) => {
  const { stdout, stderr, status } = runImport(args, input);
  expect({ stdout, status }).toEqual({ stdout: '', status: 1 });
  expect(stderr).toContain(message);
});
