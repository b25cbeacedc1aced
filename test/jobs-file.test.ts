import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { JobsFileParser } from '../src/jobs/file/jobs-file-parser.js';
import { readJobsTexts } from '../src/jobs/file/jobs-file-watch.js';
import { UnknownTaskError } from '../src/tasks/task-errors.js';
import { TaskRegistry } from '../src/tasks/task.registry.js';
import { createTestApplication } from './support/application.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { TestTasksModule } from './support/tasks.js';

let database: TestDatabase;
let app: NestExpressApplication;
let folder: string;
beforeAll(async () => {
  database = await createTestDatabase();
  app = await createTestApplication(database.url, {}, [TestTasksModule]);
  folder = await mkdtemp(join(tmpdir(), 'cronzimus-jobs-'));
});
afterAll(async () => {
  await app.close();
  await database.drop();
  await rm(folder, { recursive: true });
});

const readPath = async (path: string) =>
  app.get(JobsFileParser, { strict: false }).parse(path, await readJobsTexts(path));

async function read(text: string, name = 'jobs.yaml') {
  const path = join(folder, name);
  await writeFile(path, text);
  return readPath(path);
}

/** The lines of the error message, one for each fault. */
async function faultsOf(text: string): Promise<string[]> {
  const error: unknown = await read(text).catch((refused: unknown) => refused);
  expect(error).toMatchObject({
    code: 'JOBS_FILE_INVALID',
    message: expect.stringContaining(join(folder, 'jobs.yaml')),
  });
  return (error as Error).message.split('\n').slice(1);
}

const sharing = (n: number) =>
  `  job-${n}: { task: wait, trigger: { type: date, at: '2100-01-01T00:00:00Z' }, retry: *r }`;

describe('a jobs file', () => {
  it('is YAML, with the defaults filled in', async () => {
    const jobs = await read(`
jobs:
  hello.often:
    task: echo
    input: { text: hi }
    trigger: { type: interval, everySeconds: 30 }
    tags: &tags [a, b]
  waiting:
    task: wait
    trigger:
      type: cron
      expression: '@daily'
    tags: *tags
`);
    expect([...jobs.keys()]).toEqual(['hello.often', 'waiting']);
    expect(jobs.get('hello.often')).toMatchObject({
      task: 'echo',
      input: { text: 'hi' },
      trigger: { type: 'interval', everySeconds: 30 },
      tags: ['a', 'b'],
      retry: { limit: 0 },
      misfire: { policy: 'once', graceSeconds: 60 },
    });
    expect(jobs.get('waiting')).toMatchObject({ input: {}, tags: ['a', 'b'] });
  });

  it('is JSON', async () => {
    const trigger = { type: 'date', at: '2100-01-01T00:00:00Z' };
    const jobs = await read(JSON.stringify({ jobs: { once: { task: 'wait', trigger } } }), 'jobs.json');
    expect([...jobs.keys()]).toEqual(['once']);
  });

  it('may use one alias for more jobs than an alias bomb would need', async () => {
    const first = sharing(0).replace('*r', '&r { limit: 2 }');
    const jobs = await read(['jobs:', first, ...Array.from({ length: 500 }, (_none, n) => sharing(n + 1))].join('\n'));
    expect(jobs.get('job-500')).toMatchObject({ retry: { limit: 2, delaySeconds: 5 } });
  });

  it('may declare no jobs', async () => {
    expect((await read('jobs: {}')).size).toBe(0);
  });

  it('that cannot be read is refused, with its path', async () => {
    const path = join(folder, 'absent.yaml');
    await expect(readPath(path)).rejects.toMatchObject({
      code: 'JOBS_FILE_UNREADABLE',
      message: expect.stringContaining(path),
    });
  });
});

const job = (...lines: string[]) => `jobs:\n  a:\n    task: wait\n${lines.map((line) => `    ${line}\n`).join('')}`;
const daily = "trigger: { type: cron, expression: '@daily' }";

/** Ten to the ninth values in nine lines. */
const bomb = Array.from({ length: 9 }, (_none, n) => {
  const before = n === 0 ? '0' : `*a${n - 1}`;
  return `a${n}: &a${n} [${Array.from({ length: 10 }, () => before).join(', ')}]`;
}).join('\n');

describe('a fault in a jobs file is reported with its line and path', () => {
  it.each<[string, string, string]>([
    ['a syntax error', 'jobs:\n  a: [1, 2', 'line 2: '],
    ['a tab that indents', 'jobs:\n\ta: {}', 'line 2: '],
    ['a duplicate job', 'jobs:\n  a: {}\n  a: {}', 'line 3: Map keys must be unique'],
    ['an alias to nothing', 'jobs:\n  a: *b', 'line 2: Unresolved alias'],
    ...['*/5 * * * *', '* * * * *', '*/5', '*', '@daily', '%', '? * * * *', '`date`', '*,5 * * * *'].map(
      (value): [string, string, string] => [
        `the unquoted value ${value}`,
        job('trigger:', '  type: cron', `  expression: ${value} # each time`, '  timeZone: UTC'),
        `line 6: Put the value in quotes, as "${value}": in YAML, a text without quotes must not begin with ${value[0]}`,
      ],
    ),
    [
      'an unquoted value in braces',
      job('trigger: { type: cron, expression: */5 * * * * }'),
      'line 4: Put the value in quotes, as "*/5 * * * *": ',
    ],
    [
      'a number in place of a cron expression',
      job('trigger:', '  type: cron', '  expression: 1e3'),
      'line 6: jobs.a.trigger.expression: Say when to run',
    ],
    ['two documents', 'jobs: {}\n---\njobs: {}', 'line 2: A second document begins here; a file holds one'],
    ['a tag that means nothing', 'jobs: !include other.yaml', 'line 1: Unresolved tag: !include'],
    ['a key that is not a string', 'jobs:\n  [a]: {}', 'line 2: A map key must be a text'],
    ['a value within itself', 'jobs: &a\n  b: *a', 'line 1: With its aliases filled in, the file has more than'],
    ['a bomb of aliases', bomb, 'line 1: With its aliases filled in, the file has more than 1000000 values'],
    ['endless nesting', `jobs: ${'['.repeat(50_000)}`, 'line 1: '],
    ['an empty file', '', 'line 1: Must begin with "jobs:"'],
    ['only a comment', '# none\n', 'Must begin with "jobs:"'],
    ['a list', '- a', 'line 1: Must begin with "jobs:"'],
    ['jobs without a value', 'jobs:', 'line 1: jobs: Must be a map of jobs by name; write "jobs: {}"'],
    ['jobs as a list', 'jobs:\n  - task: wait', 'line 2: jobs: Must be a map'],
    ['another field beside jobs', 'jobs: {}\njob: {}', 'line 2: job: Unknown field'],
    ['an unknown field', job(daily, 'retries: 3'), 'line 5: jobs.a.retries: Unknown field'],
    [
      'an unknown field of a policy',
      job(daily, 'retry:', '  limit: 1', '  max: 2'),
      'line 7: jobs.a.retry.max: Unknown',
    ],
    ['a value out of range', job(daily, 'timeoutSeconds: 0'), 'line 5: jobs.a.timeoutSeconds: '],
    [
      'an unknown task',
      `jobs:\n  a:\n    ${daily}\n    task: nope`,
      'line 4: jobs.a.task: Task "nope" is not registered; known tasks: chatter, check-ledger, deliver-alert',
    ],
    ['no task', `jobs:\n  a:\n    ${daily}`, 'line 3: jobs.a.task: '],
    ['no trigger', job(), 'line 3: jobs.a.trigger: A trigger is an object with a type'],
    ['a job without a value', 'jobs:\n  a:', 'line 2: jobs.a: '],
    [
      'an input that does not fit',
      `jobs:\n  a:\n    task: echo\n    ${daily}\n    input:\n      text: 5`,
      'line 6: jobs.a.input.text: ',
    ],
    [
      'an input for a task that takes none',
      job(daily, 'input: { b: 1 }'),
      'line 5: jobs.a.input: this task takes no input',
    ],
    [
      'a bad expression',
      job('trigger:', '  type: cron', "  expression: '*/0 * * * *'"),
      'line 6: jobs.a.trigger.expression: ',
    ],
    [
      'an unknown field of a trigger',
      job('trigger:', '  type: cron', "  expression: '@daily'", '  zone: UTC'),
      'line 7: jobs.a.trigger.zone: Unknown field',
    ],
    [
      'a bad name',
      `jobs:\n  Big Job:\n    task: wait\n    ${daily}`,
      'line 3: jobs.Big Job: A job name is 1-128 of a-z 0-9 . _ -',
    ],
    ...[
      '9007199254740993',
      '-9007199254740993.0',
      '12345678901234567890',
      '0x20000000000001',
      '1e400',
      '.inf',
      '.nan',
    ].map((number): [string, string, string] => [
      `the number ${number}, which would change,`,
      `jobs:\n  a:\n    ${daily}\n    task: echo\n    input:\n      text: x\n      list:\n        - 1\n        - id: ${number}`,
      'line 9: jobs.a.input.list.1.id: This number cannot be kept exactly; write it as a string',
    ]),
    [
      'a number in YAML 1.1 that JavaScript does not have',
      `%YAML 1.1\n---\n${job(daily, 'input: { at: 12:30 }')}`,
      'line 7: jobs.a.input.at: This number cannot be kept exactly',
    ],
    [
      'a NUL',
      job(daily, 'description: "a\\0b"'),
      'line 5: jobs.a.description: Text must not contain the character U+0000',
    ],
  ])('%s', async (_case, text, expected) => {
    const faults = await faultsOf(text);
    expect(faults[0]).toContain(expected);
    expect(faults[0]).toMatch(/^ {2}line \d+: /);
  });

  it('together with all others of the file', async () => {
    const faults = await faultsOf(`jobs:
  a: { task: nope, ${daily} }
  b: { task: echo, ${daily}, input: { times: 0 } }
  c: { task: wait, overlap: never, retri: 1 }
`);
    const places = faults.map((line) => String(/^ {2}(line \d+: [\w.]+): /.exec(line)?.[1]));
    expect(places.toSorted()).toEqual([
      'line 2: jobs.a.task',
      'line 3: jobs.b.input.text',
      'line 3: jobs.b.input.times',
      'line 4: jobs.c.overlap',
      'line 4: jobs.c.retri',
      'line 4: jobs.c.trigger',
    ]);
  });
});

const waiting = `{ task: wait, ${daily} }`;

describe('a folder of jobs files', () => {
  let path: string;
  beforeEach(async () => {
    path = await mkdtemp(join(folder, 'many-'));
  });
  const write = (name: string, text: string) => writeFile(join(path, name), text);

  it('is read in the order of names, with all extensions, and without other files', async () => {
    await write('20.yml', `jobs: { b: ${waiting} }`);
    await write('10.yaml', `jobs: { c: ${waiting} }`);
    await write('30.json', '{ "jobs": {} }');
    await write('README.md', 'no jobs file');
    await write('.hidden.yaml', 'no jobs file');
    expect([...(await readPath(path)).keys()]).toEqual(['c', 'b']);
  });

  it('may be a mounted ConfigMap, which has links and hidden entries', async () => {
    await mkdir(join(path, '..2026_01_01'));
    await write('..2026_01_01/jobs.yaml', `jobs: { a: ${waiting} }`);
    await symlink('..2026_01_01', join(path, '..data'));
    await symlink('..data/jobs.yaml', join(path, 'jobs.yaml'));
    expect([...(await readPath(path)).keys()]).toEqual(['a']);
  });

  it('reports both places of a duplicate job, and all other faults with their files', async () => {
    await write('a.yaml', `jobs:\n  a: ${waiting}\n  b: { task: nope, ${daily} }`);
    await write('b.yaml', `jobs:\n\n  a: ${waiting}`);
    const tasks = app.get(TaskRegistry, { strict: false }).all();
    const { message: unknown } = new UnknownTaskError(
      'nope',
      tasks.map(({ options }) => options.name),
    );
    await expect(readPath(path)).rejects.toMatchObject({
      code: 'JOBS_FILE_INVALID',
      message: `${path} has errors, so none of it was applied:
  a.yaml line 3: jobs.b.task: ${unknown}
  a.yaml line 2: jobs.a: A job of this name is in b.yaml too; names must differ
  b.yaml line 3: jobs.a: A job of this name is in a.yaml too; names must differ`,
    });
  });

  it('with an invalid or empty file is refused', async () => {
    await write('a.yaml', `jobs: { a: ${waiting} }`);
    await write('b.yaml', 'jobs: [');
    await expect(readPath(path)).rejects.toThrow('b.yaml line 1: ');
    await write('b.yaml', '');
    await expect(readPath(path)).rejects.toThrow('b.yaml line 1: Must begin with "jobs:"');
  });

  it('without a jobs file in it is refused', async () => {
    await write('.jobs.yaml', 'jobs: {}');
    await expect(readPath(path)).rejects.toMatchObject({
      code: 'JOBS_FILE_UNREADABLE',
      message: expect.stringContaining(`${path} holds no file *.yaml, *.yml or *.json`),
    });
  });
});
