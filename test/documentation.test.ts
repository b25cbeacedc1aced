import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import ts from 'typescript';
import { type DocumentedCommand, documentedCommands } from './support/documented-commands.js';
import { eventually } from './support/eventually.js';
import { type Page, type RunAnswer, TestService } from './support/service.js';

const ROOT = join(import.meta.dirname, '..');
const page = (name: string) => readFileSync(join(ROOT, name), 'utf8');

/** For these commands the scheduler is paused, so that a run can still be cancelled or held. */
const isHeld = ({ heading, command }: DocumentedCommand) =>
  ['Backfill a day', 'Let one run wait for the other'].includes(heading) || /\/runs\/\S+\/cancel/.test(command);
/** A curl that writes the status to stderr. */
const CURL = `curl() { command curl -sS --max-time 20 -w '%{stderr}%{http_code}' "$@"; }`;

let service: TestService;
let folder: string;
/** The shell variables that earlier commands assigned. */
const variables: Record<string, string> = { key: 'none-is-needed' };
beforeAll(async () => {
  folder = await mkdtemp(join(process.env['TEST_SCRATCH']!, 'documentation-'));
  // The jobs that `make run` has. Calls that they or the pages would make to the internet are refused.
  const settings = { JOBS_FILE: join(ROOT, 'jobs.example.yaml'), HTTP_TASK_ALLOWED_HOSTS: 'nowhere.invalid' };
  service = await TestService.start(settings);
  // Its own occurrence, at a full minute, would turn a manual run into a 409.
  await service.call('POST', '/jobs/own-health.every-minute/pause');
  const trigger = { type: 'cron', expression: '0 * * * *' };
  for (const name of ['greet.every-minute', 'reports.hourly', 'feed.load', 'lasting'])
    await service.call('PUT', `/jobs/${name}`, { task: 'table-sizes', trigger, overlap: 'allow' });
});
afterAll(() => service.stop());

/** The id of a new run. It soon ends, unless the scheduler is paused. */
async function givenRun(): Promise<string> {
  const { body } = await service.call<RunAnswer>('POST', '/jobs/lasting/run');
  return body.id;
}

async function idle(): Promise<void> {
  await eventually(async () => {
    for (const state of ['pending', 'running', 'retrying'])
      expect((await service.get<Page<unknown>>(`/runs?state=${state}`)).items).toEqual([]);
  });
}

async function run(command: string): Promise<{ status: number; text: string }> {
  const here = command.replaceAll('http://127.0.0.1:3000', service.url);
  const filled = here.replaceAll('<id>', '"$run"').replaceAll('<name>', 'feed.load');
  const [, assigned] = /^(\w+)=\$\(/.exec(filled) ?? [];
  const script = `${CURL}\n${filled}\n${assigned ? `printf %s "$${assigned}"` : ''}`;
  const env = { PATH: process.env['PATH'], api: `${service.url}/api/v1`, ...variables };
  const shell = spawn('sh', ['-euc', script], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [text, errors] = ['', ''];
  shell.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  shell.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  expect([await once(shell, 'close'), errors]).toEqual([[0, null], expect.stringMatching(/^\d{3}$/)]);
  if (assigned) variables[assigned] = text;
  return { status: Number(errors), text };
}

// A developer's machine may lack curl.
const describeWithCurl = spawnSync('curl', ['--version']).status === 0 ? describe : describe.skip;

describeWithCurl.each([
  ['README.md', 10],
  ['API.md', 40],
])('%s', (name, atLeast) => {
  const commands = documentedCommands(page(name));

  it('shows commands', () => {
    expect(commands.length).toBeGreaterThanOrEqual(atLeast);
  });

  const cases = commands.map((command): [string, DocumentedCommand] => [command.command.slice(0, 100), command]);
  it.each(cases)('%s', async (_start, documented) => {
    const { command, status, answer } = documented;
    await service.call('POST', `/scheduler/${isHeld(documented) ? 'pause' : 'resume'}`);
    if (/\$run|<id>/.test(command)) variables['run'] = await givenRun();
    if (!isHeld(documented)) await idle();
    const answered = await run(command);
    expect(`${answered.status} ${answered.text}`).toMatch(new RegExp(`^${status ?? 2}`));
    expect(answer && Object.keys(JSON.parse(answered.text) as object)).toEqual(answer && Object.keys(answer));
  });
});

it('README.md has a task that compiles', () => {
  const [, task] = /Write `src\/tasks\/greet.task.ts`:\n\n```ts\n([\s\S]*?)```/.exec(page('README.md'))!;
  const file = join(ROOT, 'src/tasks/greet.task.ts');
  const config: unknown = JSON.parse(readFileSync(join(ROOT, 'tsconfig.json'), 'utf8'));
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  const host = ts.createCompilerHost(options);
  const [read, exists] = [host.readFile.bind(host), host.fileExists.bind(host)];
  host.readFile = (name) => (name === file ? task : read(name));
  host.fileExists = (name) => name === file || exists(name);
  const faults = ts.getPreEmitDiagnostics(ts.createProgram([file], options, host));
  expect(faults.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))).toEqual([]);
});
