import { pruneAudit } from '../src/auth/audit.js';
import { SchedulerDatabase } from '../src/database/scheduler-database.js';
import { DeclaredJobs } from '../src/jobs/declared/sync-declared-jobs.js';
import { type JobDefinition, jobDefinition } from '../src/jobs/definition/job.schema.js';
import { runSql } from './support/run-sql.js';
import { eventually } from './support/eventually.js';
import { type Answer, type Page, finishedJob, TestService } from './support/service.js';

interface Entry {
  id: string;
  at: string;
  [field: string]: unknown;
}

/** The SQLSTATE of RAISE in a trigger. */
const RAISED = 'P0001';
const API_KEYS = ['night', 'boss'].map((name) => `${name}:admin:key-of-${name}-0123456789`).join(',');
let service: TestService;
beforeAll(async () => {
  service = await TestService.start({ API_KEYS, TRUST_PROXY: 'loopback' });
});
afterAll(() => service.stop());

/** Sends a request with the key `night`, from 203.0.113.7, unless another key is given. */
function call<T = Record<string, unknown>>(
  method: string,
  path: string,
  body?: object,
  key = 'night',
): Promise<Answer<T>> {
  const headers = { Authorization: `Bearer key-of-${key}-0123456789`, 'X-Forwarded-For': '198.51.100.1, 203.0.113.7' };
  return service.call<T>(method, path, body, headers);
}
const entriesOf = async (query: string) => (await call<Page<Entry>>('GET', `/audit?${query}`)).body.items;

const night = { by: 'night', role: 'admin', origin: '203.0.113.7' };

const filed = (priority: number, version: number) => ({ task: 'echo', priority, version, source: 'file' });
const addTwo = async () => {
  for (const verb of ['pause', 'resume']) await call('POST', `/jobs/paged/${verb}`);
};
const count = async () => (await runSql(service.database, 'SELECT count(*)::int FROM cronzimus.audit'))[0]!['count'];

describe('the audit records', () => {
  it('each pause and resume of a job that changed something, with the key and the address', async () => {
    await service.given(finishedJob('halted', 'echo'));
    for (const verb of ['pause', 'pause', 'resume', 'resume']) await call('POST', `/jobs/halted/${verb}`);
    const of = { ...night, target: 'halted', job: 'halted' };
    expect(await entriesOf('job=halted')).toMatchObject([
      { ...of, action: 'job.resume', before: { paused: true }, after: { paused: false } },
      { ...of, action: 'job.pause', before: { paused: false }, after: { paused: true } },
    ]);
  });

  it('each run by hand with its input, and each cancel of one', async () => {
    await service.given(finishedJob('held', 'wait'), finishedJob('told', 'echo', { input: { text: 'hi' } }));
    const { body: run } = await call<{ id: string }>('POST', '/jobs/held/run');
    expect(await call('POST', '/jobs/held/run')).toMatchObject({ status: 409 });
    await call('POST', `/runs/${run.id}/cancel`);
    expect(await entriesOf('job=held')).toMatchObject([
      { ...night, action: 'run.cancel', target: run.id, job: 'held', after: { cancelReason: 'user' } },
      { ...night, action: 'job.run', target: 'held', before: null, after: { run: run.id, input: {} } },
    ]);
    expect(await entriesOf(`target=${run.id}`)).toHaveLength(1);
    const { body: other } = await call<{ id: string }>('POST', '/jobs/told/run', { input: { text: 'ho' } }, 'boss');
    expect(await entriesOf('job=told')).toMatchObject([
      { by: 'boss', after: { run: other.id, input: { text: 'ho' } } },
    ]);
  });

  it('each job that is created, changed or deleted over the API, and nothing when nothing changed', async () => {
    const written = { task: 'echo', input: { text: 'hi' }, trigger: { type: 'date', at: '2100-01-01T00:00:00Z' } };
    await call('PUT', '/jobs/edited', written);
    await call('PUT', '/jobs/edited', written);
    await call('PATCH', '/jobs/edited', { priority: 1 });
    await call('PATCH', '/jobs/edited', { priority: 'x' });
    await call('DELETE', '/jobs/edited');
    const of = { ...night, target: 'edited', job: 'edited' };
    const [first, second] = [0, 1].map((priority) => ({ priority, version: priority + 1, source: 'api' }));
    expect(await entriesOf('job=edited')).toMatchObject([
      { ...of, action: 'job.delete', before: second, after: null },
      { ...of, action: 'job.update', before: first, after: second },
      { ...of, action: 'job.create', before: null, after: first },
    ]);
  });

  it('each retry and backfill, once when the request was sent twice', async () => {
    const day = { from: '2026-03-01T00:00:00.000Z', to: '2026-03-02T00:00:00.000Z' };
    const hourly = { task: 'wait', trigger: { type: 'cron', expression: '0 * * * *' } };
    await call('PUT', '/jobs/made-up', { ...hourly, paused: true });
    await call('POST', '/jobs/made-up/backfill', { ...day, dryRun: true });
    const { body } = await call<{ runs: { id: string }[] }>('POST', '/jobs/made-up/backfill', day);
    await call('POST', '/jobs/made-up/backfill/cancel');
    expect(body).toMatchObject({ count: 24 });
    const { id } = body.runs[23]!;
    await eventually(async () => expect((await call('GET', `/runs/${id}`)).body).toMatchObject({ state: 'cancelled' }));
    const sent = { Authorization: 'Bearer key-of-night-0123456789', 'Idempotency-Key': 'retried' };
    const retry = () => service.call<{ id: string }>('POST', `/runs/${id}/retry`, undefined, sent);
    const { body: made } = await retry();
    await retry();
    await call('POST', `/runs/${made.id}/cancel`);
    const entries = (await entriesOf('job=made-up')).slice(1);
    expect(entries).toMatchObject([
      { action: 'run.retry', target: id, job: 'made-up', after: { run: made.id } },
      { ...night, action: 'backfill.cancel', target: 'made-up', after: { count: 24 } },
      { ...night, action: 'job.backfill', target: 'made-up', after: { ...day, force: false, count: 24 } },
      { action: 'job.create' },
    ]);
  });

  it('each pause and resume of the scheduler that changed something', async () => {
    for (const verb of ['resume', 'pause', 'pause', 'resume']) await call('POST', `/scheduler/${verb}`);
    const of = { ...night, target: 'scheduler', job: null };
    expect(await entriesOf('target=scheduler')).toMatchObject([
      { ...of, action: 'scheduler.resume', before: { paused: true }, after: { paused: false } },
      { ...of, action: 'scheduler.pause', before: { paused: false }, after: { paused: true } },
    ]);
  });

  it('what a declaration creates, changes and deletes, with the replica that declared it', async () => {
    const declare = (...jobs: [string, object][]) => {
      const filled = jobs.map(([name, job]): [string, JobDefinition] => [
        name,
        jobDefinition.parse({ task: 'echo', trigger: { type: 'interval', everySeconds: 3600 }, ...job }),
      ]);
      return service.app.get(DeclaredJobs, { strict: false }).declare('file', new Map(filled));
    };
    await declare(['filed', { priority: 1 }]);
    await declare(['filed', { priority: 1 }]);
    await declare(['filed', { priority: 2 }]);
    await declare();
    await service.app.get(DeclaredJobs, { strict: false }).sweep();
    const of = { by: 'file', role: null, origin: expect.stringMatching(/^\d+ \S+ pid \d+$/), target: 'filed' };
    expect(await entriesOf('job=filed')).toMatchObject([
      { ...of, action: 'job.delete', before: filed(2, 2), after: null },
      { ...of, action: 'job.update', before: filed(1, 1), after: filed(2, 2) },
      { ...of, action: 'job.create', before: null, after: filed(1, 1) },
    ]);
    expect(await entriesOf('by=code')).toMatchObject([
      { action: 'job.create', target: 'prune-runs' },
      { action: 'job.create', target: 'ledger.check' },
    ]);
  });

  it('the name anonymous when there are no keys, with the address that really connected', async () => {
    const open = await TestService.start();
    await open.given(finishedJob('open', 'echo'));
    await fetch(`${open.url}/api/v1/jobs/open/pause`, {
      method: 'POST',
      headers: { 'X-Forwarded-For': '203.0.113.7', 'X-Cronzimus-Request': '1' },
    });
    const { items } = await open.get<Page<Entry>>('/audit?job=open');
    expect(items).toMatchObject([{ by: 'anonymous', role: 'admin', origin: '127.0.0.1', action: 'job.pause' }]);
    await open.stop();
  });
});

it('a change is rolled back when its audit entry cannot be written', async () => {
  await service.given(finishedJob('unwritten', 'wait'));
  const { body: run } = await call<{ id: string }>('POST', '/jobs/unwritten/run');
  await runSql(service.database, `ALTER TABLE cronzimus.audit ADD CONSTRAINT full_up CHECK (by <> 'boss') NOT VALID`);
  const paths = ['/jobs/unwritten/pause', `/runs/${run.id}/cancel`, '/scheduler/pause', '/jobs/told/run'];
  for (const path of paths) expect(await call('POST', path, undefined, 'boss')).toMatchObject({ status: 500 });
  await runSql(service.database, 'ALTER TABLE cronzimus.audit DROP CONSTRAINT full_up');
  expect((await call('GET', '/jobs/unwritten')).body).toMatchObject({ paused: false });
  expect((await call('GET', '/scheduler')).body).toMatchObject({ paused: false });
  const left = `SELECT FROM cronzimus.runs WHERE cancel_requested_at IS NOT NULL AND job = 'unwritten'`;
  expect(await runSql(service.database, left)).toEqual([]);
  expect((await call<Page<Entry>>('GET', '/runs?job=told')).body.items).toHaveLength(1);
});

describe('the list of audit entries', () => {
  it('is paged, newest first, and shows no entry twice when others are added meanwhile', async () => {
    await service.given(finishedJob('paged', 'echo'));
    await addTwo();
    await addTwo();
    const found: string[] = [];
    for (let cursor = ''; ;) {
      const { body } = await call<Page<Entry>>('GET', `/audit?job=paged&limit=1${cursor}`);
      found.push(...body.items.map(({ id }) => id));
      if (body.nextCursor === null) break;
      cursor = `&cursor=${body.nextCursor}`;
      await addTwo();
    }
    expect(found).toHaveLength(4);
    expect(found).toEqual([...new Set(found)].toSorted((a, b) => Number(b) - Number(a)));
  });

  it('has the entries that match all filters', async () => {
    const all = await entriesOf('job=halted');
    const [newest, oldest] = all;
    expect(await entriesOf('job=halted&action=job.pause')).toEqual([oldest]);
    expect(await entriesOf('target=halted&by=night&action=job.resume')).toEqual([newest]);
    expect(await entriesOf('job=halted&by=boss')).toEqual([]);
    expect(await entriesOf(`job=halted&from=${newest!.at}`)).toContainEqual(newest);
    expect(await entriesOf(`job=halted&to=${newest!.at}`)).not.toContainEqual(newest);
    expect(await entriesOf('job=halted&from=2100-01-01T00:00:00Z')).toEqual([]);
  });

  it.each(['action=job.explode', 'from=yesterday', 'cursor=xyz', 'who=me', 'limit=0', 'by=%00'])(
    'refuses %s',
    async (query) => {
      expect(await call('GET', `/audit?${query}`)).toMatchObject({ status: 400 });
    },
  );
});

describe('the audit table', () => {
  it.each(["UPDATE cronzimus.audit SET by = 'nobody'", 'DELETE FROM cronzimus.audit', 'TRUNCATE cronzimus.audit'])(
    'refuses %s',
    async (statement) => {
      const before = await count();
      await expect(runSql(service.database, statement)).rejects.toMatchObject({ code: RAISED });
      expect(await count()).toBe(before);
    },
  );

  it('allows deleting what is older than the retention, and nothing else', async () => {
    await runSql(
      service.database,
      `INSERT INTO cronzimus.audit (at, by, action, target)
       SELECT now() - make_interval(days => days), 'old', 'job.run', 'x' FROM unnest(ARRAY[364, 366, 400]) AS days`,
    );
    const before = await count();
    const database = service.app.get(SchedulerDatabase, { strict: false });
    expect(await database.transaction((tx) => pruneAudit(tx, 365, 1))).toBe(1);
    expect(await database.transaction((tx) => pruneAudit(tx, 365, 100))).toBe(1);
    expect(await count()).toBe(Number(before) - 2);
    const young = database.transaction(async (tx) => {
      await pruneAudit(tx, 365, 100);
      await tx.query('DELETE FROM audit');
    });
    await expect(young).rejects.toMatchObject({ code: RAISED });
  });
});
