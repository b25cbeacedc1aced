import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { JobsFile } from '../src/jobs/jobs-file.js';
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

async function read(text: string, name = 'jobs.yaml') {
  const path = join(folder, name);
  await writeFile(path, text);
  return app.get(JobsFile, { strict: false }).read(path);
}

/** The lines of the refusal that name a fault. */
async function faultsOf(text: string): Promise<string[]> {
  const error: unknown = await read(text).catch((refused: unknown) => refused);
  expect(error).toMatchObject({
    code: 'JOBS_FILE_INVALID',
    message: expect.stringContaining(join(folder, 'jobs.yaml')),
  });
  return (error as Error).message.split('\n').slice(1);
}

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

  it('may say that there are none', async () => {
    expect((await read('jobs: {}')).size).toBe(0);
  });

  it('that cannot be read is refused by its name', async () => {
    const path = join(folder, 'absent.yaml');
    await expect(app.get(JobsFile, { strict: false }).read(path)).rejects.toMatchObject({
      code: 'JOBS_FILE_UNREADABLE',
      message: expect.stringContaining(path),
    });
  });
});

const job = (...lines: string[]) => `jobs:\n  a:\n    task: wait\n${lines.map((line) => `    ${line}\n`).join('')}`;
const daily = "trigger: { type: cron, expression: '@daily' }";

describe('a fault in a jobs file is told with its line and path', () => {
  it.each<[string, string, string]>([
    ['a syntax error', 'jobs:\n  a: [1, 2', 'line 2: '],
    ['a tab that indents', 'jobs:\n\ta: {}', 'line 2: '],
    ['a job that is there twice', 'jobs:\n  a: {}\n  a: {}', 'line 3: Map keys must be unique'],
    ['an alias to nothing', 'jobs:\n  a: *b', 'Unresolved alias'],
    ['two documents', 'jobs: {}\n---\njobs: {}', 'line 2: '],
    ['nothing', '', 'line 1: Must begin with "jobs:"'],
    ['nothing but a remark', '# none\n', 'Must begin with "jobs:"'],
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
      'line 4: jobs.a.task: Task "nope" is not registered; known tasks: chatter, echo',
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

  it('with all others of the file in one message', async () => {
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
