import type { NestExpressApplication } from '@nestjs/platform-express';
import { failUnknownTasks, repairQueue } from '../src/runs/lifecycle/reclaim-runs.js';
import { createTestApplication } from './support/application.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { TestQueue, waitingRun } from './support/queue.js';

let database: TestDatabase;
let app: NestExpressApplication;
let queue: TestQueue;

beforeAll(async () => {
  database = await createTestDatabase();
  app = await createTestApplication(database.url);
  queue = new TestQueue(app);
});

beforeEach(() => queue.clear());

afterAll(async () => {
  await app.close();
  await database.drop();
});

const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000);
const repair = () => queue.database.transaction(repairQueue);
const failUnknown = () => queue.database.transaction((tx) => failUnknownTasks(tx, []));

describe('the reconciler', () => {
  it('adds an entry for each run that may start and has none, and for no other run', async () => {
    const old = minutesAgo(1);
    const ids = new Map<string, string>();
    for (const job of ['pending', 'retrying', 'retrying later', 'held', 'running', 'ended'])
      ids.set(job, await queue.createOne(waitingRun(job, { priority: 3, onInterruption: 'fail' }), old));
    await queue.createOne(waitingRun('just created'));
    const set = (job: string, values: string) => queue.sql(`UPDATE runs SET ${values} WHERE id = $1`, [ids.get(job)]);
    await set('retrying', `state = 'retrying', next_attempt_at = now() - interval '1 second'`);
    await set('retrying later', `state = 'retrying', next_attempt_at = now() + interval '1 hour'`);
    await set('held', 'held = true');
    await set('running', `state = 'running'`);
    await set('ended', `state = 'failed', finished_at = now()`);
    await queue.sql('DELETE FROM run_queue');
    expect(await repair()).toBe(2);
    expect(await queue.entries()).toEqual(['pending', 'retrying']);
    const ready = `SELECT task, priority, exclusive, ready_at <= statement_timestamp() AS ready FROM run_queue`;
    const entry = { task: 'task', priority: 3, exclusive: true, ready: true };
    expect(await queue.sql(ready)).toEqual([entry, entry]);
    expect(await repair()).toBe(0);
    const worker = await queue.replica('worker');
    expect(await queue.claimJobs(worker)).toEqual(['pending', 'retrying']);
  });

  it('removes the entries of runs that may not start, and leaves the others', async () => {
    const old = minutesAgo(2);
    for (const job of ['waits', 'held', 'running', 'ended', 'deleted']) await queue.createOne(waitingRun(job), old);
    await queue.createOne(waitingRun('waits for its retry'), minutesAgo(-60));
    await queue.sql(`UPDATE runs SET held = true WHERE job = 'held'`);
    await queue.sql(`UPDATE runs SET state = 'running' WHERE job = 'running'`);
    await queue.sql(`UPDATE runs SET state = 'cancelled', finished_at = now() WHERE job = 'ended'`);
    await queue.sql(`DELETE FROM runs WHERE job = 'deleted'`);
    expect(await queue.entries()).toHaveLength(6);
    await repair();
    expect(await queue.entries()).toEqual(['waits', 'waits for its retry']);
  });

  it('waits for nobody: an entry or a run that is locked at this moment is left for its next turn', async () => {
    await queue.createOne(waitingRun('without entry'), minutesAgo(2));
    await queue.sql('DELETE FROM run_queue');
    await queue.createOne(waitingRun('ended'), minutesAgo(2));
    await queue.sql(`UPDATE runs SET state = 'failed', finished_at = now() WHERE job = 'ended'`);
    await queue.database.transaction(async (tx) => {
      await tx.query('SELECT FROM runs FOR UPDATE');
      await tx.query('SELECT FROM run_queue FOR UPDATE');
      expect(await repair()).toBe(0);
    });
    expect(await queue.entries()).toEqual(['ended']);
    expect(await repair()).toBe(1);
    expect(await queue.entries()).toEqual(['without entry']);
  });
});

describe('a run whose task no live worker has', () => {
  it('waits for an hour, and then fails', async () => {
    await queue.replica('worker', ['other']);
    const younger = await queue.createOne(waitingRun('younger'), minutesAgo(59));
    const older = await queue.createOne(waitingRun('older'), minutesAgo(61));
    const known = await queue.createOne(waitingRun('known', { task: 'other' }), minutesAgo(61));
    expect(await failUnknown()).toEqual([{ job: 'older', kind: 'manual', state: 'failed', reason: 'unknown_task' }]);
    expect(await queue.run(older)).toMatchObject({
      state: 'failed',
      reason: 'unknown_task',
      attempt: 0,
      finished_at: expect.any(Date),
      error: { code: 'UNKNOWN_TASK' },
    });
    for (const id of [younger, known]) expect(await queue.run(id)).toMatchObject({ state: 'pending', error: null });
    expect(await queue.entries()).toEqual(['known', 'younger']);
    expect(await failUnknown()).toEqual([]);
  });

  it('waits on while no worker lives, and where its retry is still to come', async () => {
    const id = await queue.createOne(waitingRun('job'), minutesAgo(600));
    expect(await failUnknown()).toEqual([]);
    await queue.replica('scheduler', [], ['api', 'scheduler']);
    expect(await failUnknown()).toEqual([]);
    await queue.replica('worker', ['other']);
    await queue.sql(`UPDATE run_queue SET ready_at = now() + interval '1 minute'`);
    expect(await failUnknown()).toEqual([]);
    expect(await queue.run(id)).toMatchObject({ state: 'pending' });
    expect(await queue.entries()).toEqual(['job']);
  });

  it('is started as soon as a worker has it', async () => {
    await queue.createOne(waitingRun('job'), minutesAgo(600));
    const stranger = await queue.replica('stranger', ['other']);
    expect(await queue.claimJobs(stranger, { tasks: ['other'] })).toEqual([]);
    const worker = await queue.replica('worker');
    expect(await failUnknown()).toEqual([]);
    expect(await queue.claimJobs(worker)).toEqual(['job']);
  });
});
