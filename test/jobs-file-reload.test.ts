import { renameSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runSql } from './support/run-sql.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { eventually } from './support/eventually.js';
import { kill } from './support/kill.js';
import { isReady, type MainProcess, startMain } from './support/main-process.js';
import { scrape } from './support/scrape.js';

let database: TestDatabase;
let folder: string;
let processes: MainProcess[];

beforeEach(async () => {
  database = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'cronzimus-reload-'));
  processes = [];
});
afterEach(async () => {
  await Promise.all(processes.map(({ child }) => kill(child, 'SIGKILL')));
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

/** Starts a service with this jobs file, and returns it once it is ready. */
async function givenService(file: string): Promise<MainProcess> {
  const started = await startMain({ DATABASE_URL: database.url, JOBS_FILE: file }, folder);
  processes.push(started);
  await isReady(started);
  return started;
}

/** How many versions of the jobs file a service has refused. */
async function refusals({ url }: MainProcess): Promise<number> {
  const { samples } = (await scrape(url)).get('cronzimus_jobs_file_reloads_total')!;
  return samples.find(({ labels }) => labels['result'] === 'rejected')?.value ?? 0;
}
const refuses = (service: MainProcess, count: number) =>
  eventually(async () => expect(await refusals(service)).toBe(count));
/** The refusal is counted just before it is logged. */
const logs = (service: MainProcess, text: string) => eventually(() => expect(service.log()).toContain(text));

const stored = () =>
  runSql(
    database.url,
    `SELECT name, priority, version, updated_at, next_run_at FROM cronzimus.jobs WHERE source = 'file' ORDER BY name`,
  );
const becomes = (expected: object[]) =>
  eventually(async () => expect(await stored()).toMatchObject(expected), { every: 100 });

describe('a jobs file that changes', () => {
  it('is applied: unchanged jobs are not written, and removed jobs are deleted', async () => {
    await writeFile(path('jobs.yaml'), jobs({ a: job(), b: job(), c: job() }));
    await givenService(path('jobs.yaml'));
    const [a] = await stored();
    // As editors save.
    await writeFile(path('jobs.yaml~'), jobs({ a: job(), b: job({ priority: 1 }), d: job() }));
    await rename(path('jobs.yaml~'), path('jobs.yaml'));
    await becomes([{ name: 'a' }, { name: 'b', priority: 1, version: 2 }, { name: 'd', version: 1 }]);
    expect((await stored())[0]).toEqual(a);
  });

  it('may be a ConfigMap whose versions are swapped', async () => {
    for (const [version, priority] of Object.entries({ '..v1': 1, '..v2': 2 })) {
      await mkdir(path(version));
      await writeFile(path(version, 'jobs.yaml'), jobs({ a: job({ priority }) }));
    }
    await symlink('..v1', path('..data'));
    await symlink('..data/jobs.yaml', path('jobs.yaml'));
    const service = await givenService(folder);
    await becomes([{ name: 'a', priority: 1 }]);
    await symlink('..v2', path('..data_tmp'));
    await rename(path('..data_tmp'), path('..data'));
    await becomes([{ name: 'a', priority: 2, version: 2 }]);
    expect(await refusals(service)).toBe(0);
  });

  it('with errors changes nothing, has each in the log with its line, and is applied once it is fixed', async () => {
    await writeFile(path('jobs.yaml'), jobs({ a: job(), b: job() }));
    const service = await givenService(path('jobs.yaml'));
    const before = await stored();
    await writeFile(path('jobs.yaml'), 'jobs:\n  a:\n    task: nope\n    retries: 3\n');
    await refuses(service, 1);
    for (const text of ['JOBS_FILE_INVALID', path('jobs.yaml'), 'line 3: jobs.a.trigger', 'line 4: jobs.a.retries'])
      await logs(service, text);
    await writeFile(path('jobs.yaml'), '');
    await refuses(service, 2);
    await rm(path('jobs.yaml'));
    await refuses(service, 3);
    await logs(service, 'JOBS_FILE_UNREADABLE');
    expect(await stored()).toEqual(before);
    expect(service.child.exitCode).toBeNull();
    await writeFile(path('jobs.yaml'), jobs({ a: job({ priority: 5 }) }));
    await becomes([{ name: 'a', priority: 5, version: 2 }]);
  });

  it('with a name of code or of the API is refused, and applied as soon as the name is free', async () => {
    await writeFile(path('jobs.yaml'), jobs({ a: job(), b: job() }));
    const service = await givenService(path('jobs.yaml'));
    await runSql(database.url, `UPDATE cronzimus.jobs SET source = 'api', owner = NULL WHERE name = 'b'`);
    await writeFile(path('jobs.yaml'), jobs({ a: job({ priority: 1 }), 'prune-runs': job() }));
    await refuses(service, 1);
    await logs(service, 'JOB_DECLARED_TWICE');
    await writeFile(path('jobs.yaml'), jobs({ a: job({ priority: 1 }), b: job({ priority: 1 }) }));
    await refuses(service, 2);
    await logs(service, 'JOB_MANAGED_ELSEWHERE');
    expect(await stored()).toMatchObject([{ name: 'a', priority: 0, version: 1 }]);
    await runSql(database.url, `DELETE FROM cronzimus.jobs WHERE name = 'b'`);
    await becomes([
      { name: 'a', priority: 1 },
      { name: 'b', priority: 1, version: 1 },
    ]);
    // It was tried again meanwhile, and the same refusal counts once.
    expect(await refusals(service)).toBe(2);
  });

  it('is read at once on SIGHUP, even while it keeps changing', async () => {
    await writeFile(path('jobs.yaml'), jobs({ a: job() }));
    const { child } = await givenService(path('jobs.yaml'));
    let priority = 0;
    // It changes between any two polls.
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
  });
});

describe('replicas that start together', () => {
  it('write the jobs of one file once', async () => {
    await writeFile(path('jobs.yaml'), jobs({ a: job(), b: job() }));
    await runSql(
      database.url,
      `CREATE TABLE public.writes (name text, verb text);
         CREATE FUNCTION public.note_write() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN INSERT INTO public.writes VALUES (NEW.name, TG_OP); RETURN NULL; END $$;
         CREATE TRIGGER note AFTER INSERT OR UPDATE ON cronzimus.jobs FOR EACH ROW
           WHEN (NEW.source = 'file') EXECUTE FUNCTION public.note_write()`,
    );
    await Promise.all(Array.from({ length: 3 }, () => givenService(path('jobs.yaml'))));
    expect(await runSql(database.url, 'SELECT name, verb FROM public.writes ORDER BY name')).toEqual([
      { name: 'a', verb: 'INSERT' },
      { name: 'b', verb: 'INSERT' },
    ]);
    expect(await stored()).toMatchObject([{ version: 1 }, { version: 1 }]);
  });
});

describe('replicas that see a change one after the other', () => {
  it('do not undo it, and a removed job goes when the last of them has seen the change', async () => {
    const [first, second] = [path('first.yaml'), path('second.yaml')];
    const [before, after] = [jobs({ a: job(), b: job() }), jobs({ a: job({ priority: 1 }), c: job() })];
    await Promise.all([first, second].map((file) => writeFile(file, before)));
    await Promise.all([givenService(first), givenService(second)]);
    const replicas = () => runSql(database.url, 'SELECT number, file_jobs FROM cronzimus.replicas ORDER BY number');
    const numbers = (await replicas()).map(({ number }) => number);
    await writeFile(first, after);
    const between = [
      { name: 'a', priority: 1, version: 2 },
      { name: 'b', version: 1 },
      { name: 'c', version: 1 },
    ];
    await becomes(between);
    // The second is considered dead, so it declares again. Its declarations are older than the table.
    const [other] = await runSql(
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
  });
});
