import { renameSync, writeFileSync } from 'node:fs';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ask } from './support/ask.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { eventually } from './support/eventually.js';
import { kill } from './support/kill.js';

/** Processes take long to start where others use the machine too. */
const PATIENCE_MS = 120_000;

let database: TestDatabase;
let folder: string;
let children: ChildProcess[];
/** What all processes have written to their logs. */
let said: string;

beforeEach(async () => {
  database = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'cronzimus-reload-'));
  children = [];
  said = '';
});
afterEach(async () => {
  await Promise.all(children.map((child) => kill(child, 'SIGKILL')));
  await database.drop();
  await rm(folder, { recursive: true });
});

const jobs = (written: Record<string, object>): string => JSON.stringify({ jobs: written });
const job = (more: object = {}) => ({
  task: 'sql',
  input: { statement: 'SELECT 1' },
  trigger: { type: 'cron', expression: '0 0 1 1 *' },
  ...more,
});
const path = (...names: string[]) => join(folder, ...names);

/** The service as users start it. */
function givenProcess(file: string): ChildProcess {
  const env = { DATABASE_URL: database.url, JOBS_FILE: file, PORT: '0', LOG_LEVEL: 'info', LOG_FORMAT: 'json' };
  const child = spawn(process.execPath, [join(import.meta.dirname, '../dist/main.js')], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child.stdout.on('data', (piece) => (said += String(piece)));
  children.push(child);
  return child;
}
const running = (count = 1) => says('Cronzimus is running', count);
const says = (words: string, count = 1) =>
  eventually(() => expect(said.split(words).length - 1).toBeGreaterThanOrEqual(count), { within: 60_000 });

const stored = () =>
  ask(
    database.url,
    `SELECT name, priority, version, updated_at, next_run_at FROM cronzimus.jobs WHERE source = 'file' ORDER BY name`,
  );
const becomes = (expected: object[]) =>
  eventually(async () => expect(await stored()).toMatchObject(expected), { within: 30_000, every: 100 });

describe('a jobs file that changes', () => {
  it(
    'is taken up, what is the same is not touched, and what is gone is deleted',
    async () => {
      await writeFile(path('jobs.yaml'), jobs({ a: job(), b: job(), c: job() }));
      givenProcess(path('jobs.yaml'));
      await running();
      const [a] = await stored();
      // As an editor saves.
      await writeFile(path('jobs.yaml~'), jobs({ a: job(), b: job({ priority: 1 }), d: job() }));
      await rename(path('jobs.yaml~'), path('jobs.yaml'));
      await becomes([{ name: 'a' }, { name: 'b', priority: 1, version: 2 }, { name: 'd', version: 1 }]);
      expect((await stored())[0]).toEqual(a);
    },
    PATIENCE_MS,
  );

  it(
    'is a ConfigMap whose versions are swapped',
    async () => {
      for (const [version, priority] of Object.entries({ '..v1': 1, '..v2': 2 })) {
        await mkdir(path(version));
        await writeFile(path(version, 'jobs.yaml'), jobs({ a: job({ priority }) }));
      }
      await symlink('..v1', path('..data'));
      await symlink('..data/jobs.yaml', path('jobs.yaml'));
      givenProcess(folder);
      await running();
      await becomes([{ name: 'a', priority: 1 }]);
      await symlink('..v2', path('..data_tmp'));
      await rename(path('..data_tmp'), path('..data'));
      await becomes([{ name: 'a', priority: 2, version: 2 }]);
      expect(said).not.toContain('refused');
    },
    PATIENCE_MS,
  );

  it(
    'with a fault changes nothing, says each with its line, and is taken when it is mended',
    async () => {
      await writeFile(path('jobs.yaml'), jobs({ a: job(), b: job() }));
      const child = givenProcess(path('jobs.yaml'));
      await running();
      const before = await stored();
      await writeFile(path('jobs.yaml'), 'jobs:\n  a:\n    task: nope\n    retries: 3\n');
      await says('JOBS_FILE_INVALID');
      expect(said).toContain(`${path('jobs.yaml')} has faults`);
      expect(said).toContain('line 3: jobs.a.trigger');
      expect(said).toContain('line 4: jobs.a.retries: Unknown field');
      await writeFile(path('jobs.yaml'), '');
      await says('Must begin with \\"jobs:\\"');
      await rm(path('jobs.yaml'));
      await says('JOBS_FILE_UNREADABLE');
      expect(await stored()).toEqual(before);
      expect(child.exitCode).toBeNull();
      await writeFile(path('jobs.yaml'), jobs({ a: job({ priority: 5 }) }));
      await becomes([{ name: 'a', priority: 5, version: 2 }]);
    },
    PATIENCE_MS,
  );

  it(
    'that claims a name of code or of the API is refused, and taken as soon as nothing stands in its way',
    async () => {
      await writeFile(path('jobs.yaml'), jobs({ a: job(), b: job() }));
      givenProcess(path('jobs.yaml'));
      await running();
      await ask(database.url, `UPDATE cronzimus.jobs SET source = 'api', owner = NULL WHERE name = 'b'`);
      await writeFile(path('jobs.yaml'), jobs({ a: job({ priority: 1 }), 'prune-runs': job() }));
      await says('JOB_DECLARED_TWICE');
      await writeFile(path('jobs.yaml'), jobs({ a: job({ priority: 1 }), b: job({ priority: 1 }) }));
      await says('JOB_MANAGED_ELSEWHERE');
      expect(await stored()).toMatchObject([{ name: 'a', priority: 0, version: 1 }]);
      await ask(database.url, `DELETE FROM cronzimus.jobs WHERE name = 'b'`);
      await becomes([
        { name: 'a', priority: 1 },
        { name: 'b', priority: 1, version: 1 },
      ]);
      expect(said.split('JOB_MANAGED_ELSEWHERE')).toHaveLength(2);
    },
    PATIENCE_MS,
  );

  it(
    'is read at once on SIGHUP, also before it stands still',
    async () => {
      await writeFile(path('jobs.yaml'), jobs({ a: job() }));
      const child = givenProcess(path('jobs.yaml'));
      await running();
      let priority = 0;
      // It never stands still for as long as two looks.
      const writing = setInterval(() => {
        writeFileSync(path('next'), jobs({ a: job({ priority: (priority += 1) }) }));
        renameSync(path('next'), path('jobs.yaml'));
      }, 50);
      try {
        await eventually(() => expect(priority).toBeGreaterThan(20));
        expect(await stored()).toMatchObject([{ version: 1 }]);
        child.kill('SIGHUP');
        await becomes([{ name: 'a', version: 2 }]);
      } finally {
        clearInterval(writing);
      }
    },
    PATIENCE_MS,
  );
});

describe('replicas that start together', () => {
  it(
    'with one jobs file write it once',
    async () => {
      await writeFile(path('jobs.yaml'), jobs({ a: job(), b: job() }));
      for (let replica = 0; replica < 3; replica += 1) givenProcess(path('jobs.yaml'));
      await running(3);
      const changed = [...said.matchAll(/"source":"file","jobs":2,"changed":(\d)/g)].map(([, count]) => Number(count));
      expect(changed.toSorted((a, b) => a - b)).toEqual([0, 0, 2]);
      expect(await stored()).toMatchObject([{ version: 1 }, { version: 1 }]);
    },
    PATIENCE_MS,
  );
});

describe('replicas that see a change one after the other', () => {
  it(
    'do not undo it for each other, and a job goes when the last of them has seen that',
    async () => {
      const [first, second] = [path('first.yaml'), path('second.yaml')];
      const [before, after] = [jobs({ a: job(), b: job() }), jobs({ a: job({ priority: 1 }), c: job() })];
      await Promise.all([first, second].map((file) => writeFile(file, before)));
      givenProcess(first);
      givenProcess(second);
      await running(2);
      const replicas = () => ask(database.url, 'SELECT number, file_jobs FROM cronzimus.replicas ORDER BY number');
      const numbers = (await replicas()).map(({ number }) => number);
      await writeFile(first, after);
      const between = [
        { name: 'a', priority: 1, version: 2 },
        { name: 'b', version: 1 },
        { name: 'c', version: 1 },
      ];
      await becomes(between);
      // The second is taken for dead, so it declares again; what it says is older than the table.
      const [other] = await ask(
        database.url,
        `DELETE FROM cronzimus.replicas WHERE file_jobs = '{a,b}' RETURNING number`,
      );
      await eventually(async () => {
        const [, rejoined] = await replicas();
        expect(numbers).not.toContain(rejoined?.['number']);
        expect(rejoined).toMatchObject({ file_jobs: ['a', 'b'] });
      });
      expect(numbers).toContain(other!['number']);
      expect((await stored()).filter(({ name }) => name !== 'b')).toMatchObject([
        { name: 'a', priority: 1, version: 2 },
        { name: 'c', version: 1 },
      ]);
      await writeFile(second, after);
      await becomes([
        { name: 'a', priority: 1, version: 2 },
        { name: 'c', version: 1 },
      ]);
    },
    PATIENCE_MS,
  );
});
