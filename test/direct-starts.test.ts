import { Replicas } from '../src/replicas/replicas.js';
import { Worker } from '../src/runs/worker/worker.js';
import { runSql } from './support/run-sql.js';
import { eventually } from './support/eventually.js';
import { type Page, type RunAnswer, finishedJob, TestService } from './support/service.js';

let service: TestService;
beforeAll(async () => {
  service = await TestService.start({ WORKER_CONCURRENCY: '2' });
  // Every queue entry that is ever written.
  await runSql(
    service.database,
    `CREATE TABLE public.entries (run uuid);
     CREATE FUNCTION public.note_entry() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN INSERT INTO public.entries VALUES (NEW.run_id); RETURN NULL; END $$;
     CREATE TRIGGER note AFTER INSERT ON cronzimus.run_queue FOR EACH ROW EXECUTE FUNCTION public.note_entry()`,
  );
});
afterAll(() => service.stop());

/** Makes an occurrence of each of these jobs due, at one instant. */
const fallDue = (jobs: string) =>
  runSql(
    service.database,
    `UPDATE cronzimus.jobs SET next_occurrence_at = t.at, next_run_at = t.at, trigger =
       jsonb_build_object('type', 'date', 'at', to_char(t.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
     FROM (SELECT date_trunc('milliseconds', now()) AS at) t WHERE name LIKE '${jobs}'`,
  );
const runOf = (job: string): Promise<RunAnswer> =>
  eventually(async () => {
    const [run] = (await service.get<Page<RunAnswer>>(`/runs?job=${job}`)).items;
    if (run === undefined) throw new Error('it has no run');
    return run;
  });
const entriesOf = async ({ id }: RunAnswer) =>
  (await runSql(service.database, `SELECT FROM public.entries WHERE run = '${id}'`)).length;
const cancel = ({ id }: RunAnswer) => service.call('POST', `/runs/${id}/cancel`);

describe('an occurrence', () => {
  it('that finds a free slot starts without a queue entry, and ends as any other', async () => {
    await service.given(finishedJob('direct', 'echo', { input: { text: 'hi' } }));
    await fallDue('direct');
    const { id } = await runOf('direct');
    const run = await service.reaches(id, 'succeeded');
    expect(run).toMatchObject({ attempt: 1, output: { text: 'hi' }, latenessMs: expect.any(Number), attempts: [] });
    expect(run['replica']).toBe(service.app.get(Replicas, { strict: false }).name);
    expect(await entriesOf(run)).toBe(0);
  });

  it('that fails after it was started at once gets a queue entry for its retry', async () => {
    const retry = { limit: 1, delaySeconds: 0, backoff: 'fixed', maxDelaySeconds: 0 } as const;
    await service.given(finishedJob('direct-fails', 'fail', { retry }));
    await fallDue('direct-fails');
    const { id } = await runOf('direct-fails');
    const run = await service.reaches(id, 'failed');
    expect(run).toMatchObject({ attempt: 2 });
    expect(await entriesOf(run)).toBe(1);
  });

  it('waits in the queue when no slot is free, and no later run overtakes it', async () => {
    const names = ['many-1', 'many-2', 'many-3', 'many-4'];
    await service.given(...names.map((name, index) => finishedJob(name, 'wait', { priority: index })));
    await fallDue('many-%');
    const runs = await eventually(async () => {
      const found = await Promise.all(names.map(runOf));
      expect(found.map(({ state }) => state)).toEqual(['pending', 'pending', 'running', 'running']);
      return found;
    });
    expect(await Promise.all(runs.map(entriesOf))).toEqual([1, 1, 0, 0]);
    // Falls due when a slot is free again, and before a waiting run is claimed for it.
    const { loop } = service.app.get(Worker, { strict: false });
    await loop.stop();
    await cancel(runs[3]!);
    await service.reaches(runs[3]!.id, 'cancelled');
    await service.given(finishedJob('late', 'echo', { input: { text: 'hi' }, priority: -1 }));
    await fallDue('late');
    const late = await runOf('late');
    expect(await entriesOf(late)).toBe(1);
    loop.start();
    await service.reaches(runs[1]!.id, 'running');
    expect(await service.get(`/runs/${late.id}`)).toMatchObject({ state: 'pending' });
    for (const run of runs.slice(0, 3)) await cancel(run);
    await service.reaches(late.id, 'succeeded');
  });

  it('of a transactional task goes through the queue', async () => {
    await service.given(finishedJob('booked', 'ledger', { input: {} }));
    await fallDue('booked');
    expect(await entriesOf(await runOf('booked'))).toBe(1);
  });

  it('does not start directly in a process that others consider dead', async () => {
    await service.given(finishedJob('orphaned', 'echo', { input: { text: 'hi' } }));
    // Otherwise the replica joins again with its next heartbeat.
    const { heart } = service.app.get(Replicas, { strict: false });
    await heart.stop();
    await runSql(service.database, 'DELETE FROM cronzimus.replicas');
    await fallDue('orphaned');
    const run = await runOf('orphaned');
    expect(await entriesOf(run)).toBe(1);
    heart.start();
    await service.reaches(run.id, 'succeeded');
  });
});
