import { execFile } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { OwnServer } from './faults/server.js';
import { eventually } from './support/eventually.js';
import { forkScript, nextMessage } from './support/fork.js';
import { kill } from './support/kill.js';
import { runSql } from './support/run-sql.js';

let server: OwnServer;
const children: ChildProcess[] = [];
const addresses: string[] = [];

beforeEach(async () => {
  server = await OwnServer.start();
});
afterEach(async () => {
  addresses.splice(0);
  await Promise.all(children.splice(0).map((child) => kill(child, 'SIGKILL')));
  await server.stop();
});

async function givenReplica(script = 'short-tasks-process.js'): Promise<void> {
  const variables = { DATABASE_URL: server.url, LOG_LEVEL: 'fatal', DATABASE_MIGRATE: 'false' };
  const child = forkScript(script, variables);
  children.push(child);
  addresses.push(await nextMessage<string>(child));
}

const query = (statement: string) => runSql(server.url, statement);

async function request(method: string, path: string, body?: object): Promise<Record<string, unknown>> {
  const response = await fetch(`${addresses[0]}${path}`, {
    method,
    headers: { 'Content-Type': 'application/json', 'X-Cronzimus-Request': '1' },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return JSON.parse(text) as Record<string, unknown>;
}

/** Copies the files of the stopped server. Replicas live on. */
const backUp = () =>
  server.whileStopped(async (folder) => {
    await promisify(execFile)('cp', ['-a', join(folder, 'postgres'), join(folder, 'backup')]);
  });

const restore = () =>
  server.whileStopped(async (folder) => {
    await rm(join(folder, 'postgres'), { recursive: true });
    await rename(join(folder, 'backup'), join(folder, 'postgres'));
  });

async function givenJob(task = 'brief'): Promise<void> {
  await query('CREATE TABLE public.begun (run uuid, attempt int, pid int)');
  const trigger = { type: 'interval', everySeconds: 86_400 };
  await request('POST', '/api/v1/jobs', { name: task, task, trigger, onInterruption: 'fail' });
}

const runNow = async (job = 'brief') => (await request('POST', `/api/v1/jobs/${job}/run`, {}))['id'] as string;

async function untilSucceeded(id: string): Promise<void> {
  await eventually(async () =>
    expect(await request('GET', `/api/v1/runs/${id}`)).toMatchObject({ state: 'succeeded' }),
  );
}

async function succeed(): Promise<string> {
  const id = await eventually(() => runNow());
  await untilSucceeded(id);
  return id;
}

const beatsOfAll = async () =>
  (await query('SELECT beats FROM cronzimus.replicas ORDER BY number')).map(({ beats }) => beats as number);

/** Waits until each replica has written this many heartbeats more. */
async function untilBeats(more: number): Promise<void> {
  const before = await eventually(beatsOfAll);
  await eventually(async () => {
    const now = await beatsOfAll();
    expect(now).toHaveLength(before.length);
    for (const [index, beats] of now.entries()) expect(beats).toBeGreaterThanOrEqual(before[index]! + more);
  });
}

const now = async () => (await query('SELECT clock_timestamp() AS now'))[0]!['now'] as Date;
const losses = () => query('SELECT * FROM cronzimus.data_losses');
const dataLoss = async () => (await request('GET', '/api/v1/scheduler'))['dataLoss'] as Record<string, unknown> | null;

describe('a living replica whose database has lost committed data', () => {
  it('says from when until when, and how many runs, once for all replicas', async () => {
    await givenReplica();
    await givenReplica();
    await givenJob();
    await succeed();
    await backUp();
    const from = await now();
    await succeed();
    await succeed();
    await untilBeats(3);
    const until = await now();
    await restore();

    const loss = await eventually(async () => {
      const found = await dataLoss();
      expect(found).toMatchObject({ runsMissing: 2, attemptsUndone: 0 });
      return found!;
    });
    expect(new Date(loss['from'] as string).getTime()).toBeLessThanOrEqual(from.getTime());
    expect(new Date(loss['from'] as string).getTime()).toBeGreaterThan(from.getTime() - 60_000);
    expect(new Date(loss['until'] as string).getTime()).toBeGreaterThanOrEqual(until.getTime());
    await untilBeats(2);
    expect(await losses()).toHaveLength(1);
    expect(await dataLoss()).toMatchObject({ runsMissing: 2 });
    const health = (await request('GET', '/health'))['details'];
    expect(health).toMatchObject({ dataLoss: { status: 'up', lastNoticedAt: loss['noticedAt'] } });
    const metrics = await (await fetch(`${addresses[0]}/metrics`)).text();
    const noticedAt = new Date(loss['noticedAt'] as string).getTime() / 1_000;
    expect(metrics).toContain(`cronzimus_data_loss_last_noticed_timestamp_seconds ${noticedAt}`);
  });

  it('says so too if it has started no run, because its heartbeats are gone', async () => {
    await givenReplica();
    await backUp();
    const from = await now();
    await untilBeats(2);
    await restore();
    const loss = await eventually(async () => {
      const found = await dataLoss();
      expect(found).toMatchObject({ runsMissing: 0, attemptsUndone: 0 });
      return found!;
    });
    expect(new Date(loss['from'] as string).getTime()).toBeLessThanOrEqual(from.getTime());
  });

  it('counts an attempt that was undone', async () => {
    await givenReplica();
    await givenJob();
    await request('POST', '/api/v1/scheduler/pause');
    const id = await runNow();
    await backUp();
    await eventually(() => request('POST', '/api/v1/scheduler/resume'));
    await untilSucceeded(id);
    await restore();
    await eventually(async () => expect(await dataLoss()).toMatchObject({ runsMissing: 0, attemptsUndone: 1 }));
  });

  it('says so too if the database is older than its own start', async () => {
    await backUp();
    await givenReplica();
    await givenJob();
    await succeed();
    await restore();
    await eventually(async () =>
      expect(await dataLoss()).toMatchObject({ runsMissing: 1, attemptsUndone: 0, from: null }),
    );
  });
});

it('a living replica does not start a run again that must start once, if only the end of the run is lost', async () => {
  await givenReplica('service-process.js');
  await givenJob('hold');
  const id = await runNow('hold');
  await eventually(async () => expect(await query('SELECT attempt FROM public.begun')).toEqual([{ attempt: 1 }]));
  await backUp();
  await eventually(() => request('POST', `/api/v1/runs/${id}/cancel`));
  await eventually(async () =>
    expect(await request('GET', `/api/v1/runs/${id}`)).toMatchObject({ state: 'cancelled' }),
  );
  await untilBeats(1);
  await restore();
  await eventually(async () => {
    const run = await request('GET', `/api/v1/runs/${id}`);
    expect(run).toMatchObject({ state: 'failed', reason: 'worker_lost', attempt: 1 });
  });
  expect(await query('SELECT attempt FROM public.begun')).toEqual([{ attempt: 1 }]);
  expect(await dataLoss()).toMatchObject({ attemptsUndone: 1 });
});

describe('a living replica says nothing', () => {
  it('after a crash of the database and its recovery', async () => {
    await givenReplica();
    await givenReplica();
    await givenJob();
    await succeed();
    await server.restartAtOnce();
    await succeed();
    await untilBeats(3);
    expect(await losses()).toEqual([]);
    expect(await dataLoss()).toBeNull();
  });

  it('when others have declared it dead', async () => {
    await givenReplica();
    await givenJob();
    await succeed();
    const [before] = await query('DELETE FROM cronzimus.replicas RETURNING number');
    await eventually(async () => {
      const [replica] = await query('SELECT number FROM cronzimus.replicas');
      expect(replica!['number']).toBeGreaterThan(before!['number'] as number);
    });
    await succeed();
    await untilBeats(2);
    expect(await losses()).toEqual([]);
  });
});
