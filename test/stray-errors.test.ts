import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { getDataSourceToken } from '@nestjs/typeorm';
import { SCHEDULER } from '../src/database/data-source.js';
import { JobsService } from '../src/jobs/api/jobs.service.js';
import { createTestApplication } from './support/application.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { eventually } from './support/eventually.js';
import { ANONYMOUS, givenJobs } from './support/jobs.js';
import { kill } from './support/kill.js';
import { runSql } from './support/run-sql.js';
import { finishedJob } from './support/service.js';

const SECRET = 'A-secret-of-the-task';
const SCRIPT = join(import.meta.dirname, 'support', 'stray-errors-process.js');

let database: TestDatabase;
let app: NestExpressApplication;
let secrets: string;
let child: ChildProcess | undefined;
/** What the process has written to stdout and stderr. */
let written: string;

beforeEach(async () => {
  secrets = await mkdtemp(join(process.env['TEST_SCRATCH'] ?? tmpdir(), 'secrets-'));
  await writeFile(join(secrets, 'canary'), SECRET);
  database = await createTestDatabase();
  app = await createTestApplication(database.url);
});

afterEach(async () => {
  if (child) await kill(child, 'SIGKILL');
  await app.close();
  await database.drop();
});

function givenProcess(variables: Record<string, string> = {}): ChildProcess {
  // Without NODE_OPTIONS, since these processes emit warnings on purpose.
  const { PATH, HOME } = process.env;
  const settings = { DATABASE_URL: database.url, SECRETS_DIR: secrets, LOG_FORMAT: 'json', PORT: '0' };
  const env = { PATH, HOME, ...settings, ...variables };
  const started = fork(SCRIPT, { execArgv: [], stdio: ['ignore', 'pipe', 'pipe', 'ipc'], env });
  written = '';
  for (const stream of [started.stdout!, started.stderr!]) stream.on('data', (piece) => (written += String(piece)));
  child = started;
  return started;
}

/** Queues a manual run of a task that leaves an error of this kind behind. Returns the id of the run. */
async function givenRun(job: string, kind: string): Promise<string> {
  const input = { kind, secret: { $secret: 'canary' } };
  await givenJobs(app.get(getDataSourceToken(SCHEDULER), { strict: false }), [finishedJob(job, 'stray', { input })]);
  return (await app.get(JobsService, { strict: false }).runNow(job, ANONYMOUS)).id;
}

const lines = () =>
  written.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as Record<string, unknown>] : []));
const lineWith = (text: RegExp) => lines().find(({ msg }) => text.test(String(msg)));
const stateOf = async (id: string) =>
  (await runSql(database.url, `SELECT state, attempt FROM cronzimus.runs WHERE id = '${id}'`))[0];

describe('an error that no code handles', () => {
  it.each(['forgotten await', 'rejection of a listener', 'rejection with an object'])(
    'names the run that left it, as JSON without its secrets, and the process goes on: %s',
    async (kind) => {
      const process = givenProcess();
      const id = await givenRun('first', kind);
      const line = await eventually(() => {
        const found = lineWith(/nothing awaited it/);
        expect(found).toBeDefined();
        return found;
      });
      expect(line).toMatchObject({ level: 50, job: 'first', runId: id, attempt: 1 });
      expect((line!['err'] as Error).message).toContain('stray ***');
      const next = await givenRun('second', kind);
      for (const run of [id, next])
        await eventually(async () => expect(await stateOf(run)).toEqual({ state: 'succeeded', attempt: 1 }));
      expect(process.exitCode).toBeNull();
      expect(written).not.toContain(SECRET.slice(0, 8));
    },
  );

  it.each(['rejection with what cannot be read', 'rejection with an error whose stack cannot be read'])(
    'names the run that left it, and the process goes on, even when the error cannot be logged: %s',
    async (kind) => {
      const process = givenProcess();
      const id = await givenRun('first', kind);
      await eventually(async () => expect(await stateOf(id)).toEqual({ state: 'succeeded', attempt: 1 }));
      expect(lineWith(/nothing awaited it/)).toMatchObject({ level: 50, job: 'first', runId: id, attempt: 1 });
      expect(process.exitCode).toBeNull();
      expect(written).not.toContain(SECRET.slice(0, 8));
    },
  );

  it.each(['warning', 'warning with an error', 'warning in a timer', 'deprecation'])(
    'is a warning of the process: names the run, as JSON without its secrets: %s',
    async (kind) => {
      givenProcess();
      const id = await givenRun('first', kind);
      const line = await eventually(() => {
        const found = lineWith(/process warning/);
        expect(found).toBeDefined();
        return found;
      });
      expect(line).toMatchObject({ level: 40, job: 'first', runId: id, attempt: 1, err: { message: 'stray ***' } });
      await eventually(async () => expect(await stateOf(id)).toEqual({ state: 'succeeded', attempt: 1 }));
      expect(written).not.toContain(SECRET.slice(0, 8));
      expect(written).not.toMatch(/\(node:\d+\).*stray/);
    },
  );

  it.each(['console.log', 'console.error', 'console.trace', 'console.table', 'console.dir'])(
    'is printed by a task: names the run, as JSON without its secrets: %s',
    async (kind) => {
      givenProcess({ LOG_LEVEL: 'debug' });
      const id = await givenRun('first', kind);
      await eventually(() =>
        expect(lines()).toContainEqual(
          expect.objectContaining({
            context: 'console',
            job: 'first',
            runId: id,
            msg: expect.stringContaining('stray ***'),
          }),
        ),
      );
      expect(written).not.toContain(SECRET.slice(0, 8));
    },
  );

  it.each(['timer', 'event emitter', 'callback'])(
    'ends the process with 1 when it was thrown outside of a promise, and names the run that left it: %s',
    async (kind) => {
      const process = givenProcess();
      const id = await givenRun('first', kind);
      const [code] = (await once(process, 'exit', { signal: AbortSignal.timeout(60_000) })) as unknown[];
      expect(code).toBe(1);
      const line = lineWith(/uncaught exception/);
      expect(line).toMatchObject({ level: 60, job: 'first', runId: id, attempt: 1 });
      expect((line!['err'] as Error).message).toBe('stray ***');
      expect(written).not.toContain(SECRET.slice(0, 8));
    },
  );

  it.each(['forgotten await', 'timer'])('ends the process with 1 when no run has left it: %s', async (kind) => {
    const process = givenProcess({ STRAY_AT_START: kind });
    const [code] = (await once(process, 'exit', { signal: AbortSignal.timeout(60_000) })) as unknown[];
    expect(code).toBe(1);
    expect(lineWith(/the process exits/)).toMatchObject({ level: 60, err: { message: 'of a module' } });
  });
});
