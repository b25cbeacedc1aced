import type { ChildProcess } from 'node:child_process';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { getDataSourceToken } from '@nestjs/typeorm';
import { SCHEDULER } from '../src/database/data-source.js';
import { JobsService } from '../src/jobs/jobs.service.js';
import { RunQueue } from '../src/queue/run-queue.js';
import { createTestApplication } from './support/application.js';
import { ask } from './support/ask.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { eventually } from './support/eventually.js';
import { forkScript, message } from './support/fork.js';
import { ANYBODY, givenJobs, jobRow } from './support/jobs.js';
import { kill } from './support/kill.js';

/** The old build knows the tasks x and y, and declares the jobs a and b; the new one y and z, a in another way, and c. */
type Build = 'old' | 'new';

let database: TestDatabase;
let app: NestExpressApplication;
const children: ChildProcess[] = [];

beforeEach(async () => {
  database = await createTestDatabase();
  app = await createTestApplication(database.url);
  await app.get(RunQueue, { strict: false }).start();
  await ask(database.url, 'CREATE TABLE public.ran (run uuid, task text, build text)');
});

afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => kill(child, 'SIGKILL')));
  await app.get(RunQueue, { strict: false }).stop();
  await app.close();
  await database.drop();
});

async function givenReplica(build: Build): Promise<ChildProcess> {
  const child = forkScript('build-process.js', { DATABASE_URL: database.url, BUILD: build });
  children.push(child);
  await message(child);
  return child;
}

/** Lets each of them look three times for jobs that nobody declares, as they do every 10 s. */
async function sweep(...replicas: ChildProcess[]): Promise<void> {
  for (const child of [...replicas, ...replicas, ...replicas]) {
    const swept = message(child);
    child.send('sweep');
    await swept;
  }
}

const jobs = () =>
  ask(
    database.url,
    `SELECT id, name, description, version, next_run_at, updated_at FROM cronzimus.jobs WHERE name <> 'prune-runs' ORDER BY name`,
  );
const names = async () => (await jobs()).map(({ name }) => name);
const replicas = () => ask(database.url, 'SELECT number, code_jobs FROM cronzimus.replicas ORDER BY number');

describe('a job that two builds declare differently', () => {
  it('changes once, to what the replica started last says, however long both live', async () => {
    const before = await givenReplica('old');
    const [a, b] = await jobs();
    expect(a).toMatchObject({ name: 'a', description: 'old', version: 1 });
    const after = await givenReplica('new');
    const both = await jobs();
    expect(both).toEqual([
      { ...a, description: 'new', version: 2, updated_at: expect.any(Date) },
      b,
      expect.objectContaining({ name: 'c', version: 1 }),
    ]);
    await sweep(before, after);
    expect(await jobs()).toEqual(both);
  });

  it('is what the replica started last says, also where that is of the old build', async () => {
    await givenReplica('new');
    await givenReplica('old');
    expect((await jobs())[0]).toMatchObject({ name: 'a', description: 'old', version: 2 });
  });

  it('stays as it is when a replica is taken for dead and joins again: its own source has not changed', async () => {
    const before = await givenReplica('old');
    const after = await givenReplica('new');
    const [a] = await jobs();
    const [{ number }] = (await replicas()) as [Record<string, unknown>];
    await ask(database.url, `DELETE FROM cronzimus.replicas WHERE number = ${String(number)}`);
    await eventually(async () => expect(await replicas()).toMatchObject([{}, { code_jobs: ['a', 'b', 'prune-runs'] }]));
    await sweep(before, after);
    expect((await jobs())[0]).toEqual(a);
  });
});

describe('a job that only one build declares', () => {
  it('stays while a replica of that build lives, and goes with the last one', async () => {
    const [first, second] = [await givenReplica('old'), await givenReplica('old')];
    const after = await givenReplica('new');
    await sweep(first, second, after);
    expect(await names()).toEqual(['a', 'b', 'c']);
    await kill(first, 'SIGTERM');
    await sweep(second, after);
    expect(await names()).toEqual(['a', 'b', 'c']);
    await kill(second, 'SIGKILL');
    await eventually(async () => expect(await replicas()).toHaveLength(1));
    await sweep(after);
    expect(await jobs()).toMatchObject([{ name: 'a', description: 'new', version: 2 }, { name: 'c' }]);
  });

  it('comes back when its replica was taken for dead meanwhile, also where the first try to say so fails', async () => {
    const before = await givenReplica('old');
    const after = await givenReplica('new');
    await ask(
      database.url,
      `CREATE SEQUENCE public.refused;
       CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN PERFORM nextval('public.refused'); RAISE 'not now'; END $$;
       CREATE TRIGGER refuse BEFORE UPDATE OF code_jobs ON cronzimus.replicas FOR EACH ROW EXECUTE FUNCTION public.refuse();
       DELETE FROM cronzimus.replicas WHERE code_jobs @> '{b}'`,
    );
    await sweep(after);
    expect(await names()).toEqual(['a', 'c']);
    await eventually(async () =>
      expect(await ask(database.url, 'SELECT FROM public.refused WHERE is_called')).toHaveLength(1),
    );
    await ask(database.url, 'DROP TRIGGER refuse ON cronzimus.replicas');
    await eventually(async () => expect(await names()).toEqual(['a', 'b', 'c']));
    await sweep(before, after);
    expect(await jobs()).toMatchObject([{ description: 'new', version: 2 }, { name: 'b' }, { name: 'c' }]);
  });
});

const ran = () => ask(database.url, 'SELECT task, build FROM public.ran');
const givenRuns = async (task: string) => {
  const job = jobRow('many', { task, overlap: 'allow', nextOccurrenceAt: null, nextRunAt: null });
  await givenJobs(app.get(getDataSourceToken(SCHEDULER), { strict: false }), [job]);
  for (let run = 0; run < 5; run += 1) await app.get(JobsService, { strict: false }).runNow('many', ANYBODY);
};
const putBack = async () => {
  const tickets = await ask(database.url, 'SELECT FROM cronzimus_queue.job WHERE start_after > created_on');
  expect(tickets).not.toEqual([]);
};

describe('a run of a task that only one build knows', () => {
  it.each<[Build, string, Build]>([
    ['old', 'x', 'new'],
    ['new', 'z', 'old'],
  ])('waits for the %s one, which executes %s, while only the %s one lives', async (build, task, other) => {
    await givenReplica(other);
    await givenRuns(task);
    await eventually(putBack);
    expect(await ask(database.url, `SELECT DISTINCT state, attempt FROM cronzimus.runs`)).toEqual([
      { state: 'pending', attempt: 0 },
    ]);
    await givenReplica(build);
    await eventually(async () => expect(await ran()).toEqual(Array.from({ length: 5 }, () => ({ task, build }))), {
      within: 15_000,
    });
  });

  it('goes to that build and no other while both live, and one of a task that both know to either', async () => {
    await Promise.all([givenReplica('old'), givenReplica('new')]);
    for (const task of ['x', 'z', 'y']) {
      await givenRuns(task);
      await ask(database.url, `UPDATE cronzimus.jobs SET name = name || '-${task}' WHERE name = 'many'`);
    }
    await eventually(async () => expect(await ran()).toHaveLength(15), { within: 15_000 });
    const builds = await ask(
      database.url,
      `SELECT task, array_agg(DISTINCT build) AS builds FROM public.ran WHERE task <> 'y' GROUP BY 1 ORDER BY 1`,
    );
    expect(builds).toEqual([
      { task: 'x', builds: ['old'] },
      { task: 'z', builds: ['new'] },
    ]);
    expect(await ask(database.url, `SELECT DISTINCT state, attempt FROM cronzimus.runs`)).toEqual([
      { state: 'succeeded', attempt: 1 },
    ]);
  });
});
