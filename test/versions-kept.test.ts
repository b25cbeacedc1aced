import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SchedulerDatabase } from '../src/database/scheduler-database.js';
import { sha256 } from '../src/config/api-keys.js';
import { keepUnrecorded } from '../src/jobs/history/job-versions.js';
import { PruneRuns } from '../src/runs/lifecycle/prune-runs.task.js';
import { jobRow } from './support/jobs.js';
import { runContext } from './support/run-context.js';
import { runSql } from './support/run-sql.js';
import { type Page, TestService } from './support/service.js';

const keyOf = (role: string) => `key-of-${role}-0123456789`;
let service: TestService;
beforeAll(async () => {
  const folder = await mkdtemp(join(process.env['TEST_SCRATCH']!, 'keys-'));
  const keys = ['viewer', 'admin'].map((role) => {
    return `- ${JSON.stringify({ name: `the-${role}`, role, sha256: sha256(keyOf(role)).toString('hex') })}\n`;
  });
  await writeFile(join(folder, 'keys.yaml'), keys.join(''));
  service = await TestService.start({ API_KEYS_FILE: join(folder, 'keys.yaml') });
});
afterAll(() => service.stop());

const later = { task: 'echo', input: { text: 'hi' }, trigger: { type: 'date', at: '2100-01-01T00:00:00.000Z' } };
const berlin = { ...later, trigger: { type: 'cron', expression: '0 9 * * *', timeZone: 'Europe/Berlin' } };
const call = <T = Record<string, unknown>>(method: string, path: string, body?: object, role = 'admin') =>
  service.call<T>(method, path, body, { Authorization: `Bearer ${keyOf(role)}` });
type Version = Record<'version' | 'definition' | 'validFrom' | 'validTo' | 'jobId', unknown>;
const versions = async (name: string, role = 'admin', query = '') =>
  (await call<Page<Version>>('GET', `/jobs/${name}/versions${query}`, undefined, role)).body;
const sql = <T extends object>(text: string, values: unknown[] = []) => runSql<T>(service.database, text, values);

describe('the versions of a job', () => {
  it('are all definitions that it has had, the newest first, without gaps', async () => {
    await call('PUT', '/jobs/edited', later);
    await call('PUT', '/jobs/edited', { ...later, priority: 1 });
    await call('PATCH', '/jobs/edited', { priority: 2 });
    await call('PATCH', '/jobs/edited', { priority: 2 });
    await call('POST', '/jobs/edited/pause');
    const { items } = await versions('edited');
    expect(items).toMatchObject([
      {
        version: 3,
        validTo: null,
        definition: { priority: 2, task: 'echo', source: 'api' },
        by: 'the-admin',
        deleted: false,
      },
      { version: 2, validTo: items[0]!.validFrom, definition: { priority: 1 } },
      { version: 1, validTo: items[1]!.validFrom, definition: { priority: 0 }, earlierUnknown: false },
    ]);
  });

  it('have their fields in the order in which a job has them', async () => {
    const { name: _name, ...job } = (await call('GET', '/jobs/edited')).body;
    const fields = Object.keys(job).slice(0, Object.keys(job).indexOf('source'));
    for (const { definition } of (await versions('edited')).items)
      expect(Object.keys(definition as object)).toEqual([...fields, 'source', 'owner', 'version']);
  });

  it('come in pages', async () => {
    const first = await versions('edited', 'admin', '?limit=2');
    const second = await versions('edited', 'admin', `?limit=2&cursor=${first.nextCursor}`);
    expect([...first.items, ...second.items].map(({ version }) => version)).toEqual([3, 2, 1]);
    expect(second.nextCursor).toBeNull();
  });

  it('show who wrote them to admins only', async () => {
    for (const item of (await versions('edited', 'viewer')).items) expect(item).not.toHaveProperty('by');
  });

  it('are there after the job is deleted, and when its name is used again', async () => {
    await call('PUT', '/jobs/reborn', later);
    await call('DELETE', '/jobs/reborn');
    expect((await versions('reborn')).items).toMatchObject([
      { version: 1, deleted: true, validTo: expect.any(String) },
    ]);
    await call('PUT', '/jobs/reborn', later);
    const { items } = await versions('reborn');
    expect(items).toMatchObject([
      { version: 1, deleted: false, validTo: null },
      { version: 1, deleted: true },
    ]);
    expect(items[0]!.jobId).not.toBe(items[1]!.jobId);
  });

  it('of a name that no job has had is 404', async () => {
    expect(await call('GET', '/jobs/nobody/versions')).toMatchObject({ status: 404, body: { code: 'JOB_NOT_FOUND' } });
  });

  it('have the time zone data with which the instants were computed', async () => {
    await call('PUT', '/jobs/zoned', berlin);
    expect((await versions('zoned')).items).toMatchObject([{ tzVersion: process.versions['tz'] }]);
  });

  it('of thousands of imported jobs are all kept', async () => {
    const jobs = Object.fromEntries(Array.from({ length: 1_200 }, (_each, n) => [`bulk.${n}`, later]));
    expect((await call('POST', '/jobs-file', { jobs })).status).toBe(200);
    const changed = Object.fromEntries(Object.entries(jobs).map(([name, job]) => [name, { ...job, priority: 1 }]));
    expect((await call('POST', '/jobs-file', { jobs: changed })).status).toBe(200);
    expect(
      await sql(
        `SELECT count(*)::int, count(*) FILTER (WHERE valid_to IS NULL)::int AS current FROM cronzimus.job_versions
         WHERE job LIKE 'bulk.%'`,
      ),
    ).toEqual([{ count: 2_400, current: 1_200 }]);
  });

  it('are not written by a change that is rolled back', async () => {
    const jobs = { 'rolled.back': later };
    expect((await call('POST', '/jobs-file?dryRun=true', { jobs })).status).toBe(200);
    expect((await call('GET', '/jobs/rolled.back/versions')).status).toBe(404);
  });
});

const keep = () => service.app.get(SchedulerDatabase, { strict: false }).transaction((tx) => keepUnrecorded(tx, 500));

describe('what an earlier release has written', () => {
  it('is kept from the last change of the job on, and says that it is not known what applied before', async () => {
    await keep();
    const at = new Date('2026-06-01T12:00:00Z');
    await service.given(jobRow('foreign', { paused: true, updatedAt: at }));
    await call('PUT', '/jobs/foreign.edit', later);
    await sql(`UPDATE cronzimus.jobs SET version = 7, priority = 9, updated_at = now() WHERE name = 'foreign.edit'`);
    await call('PUT', '/jobs/foreign.deleted', later);
    await sql(`DELETE FROM cronzimus.jobs WHERE name = 'foreign.deleted'`);
    expect(await keep()).toBe(2);
    expect(await keep()).toBe(0);
    expect((await versions('foreign')).items).toMatchObject([
      { version: 1, validFrom: at.toISOString(), validTo: null, earlierUnknown: true, by: null },
    ]);
    expect((await versions('foreign.edit')).items).toMatchObject([
      { version: 7, definition: { priority: 9 }, validTo: null, earlierUnknown: true },
      { version: 1, validTo: expect.any(String), deleted: false },
    ]);
    expect((await versions('foreign.deleted')).items).toMatchObject([{ deleted: true, validTo: expect.any(String) }]);
  });

  it('includes other time zone data of a dispatch', async () => {
    await call('PUT', '/jobs/foreign.zone', berlin);
    const next = new Date('2099-06-01T07:00:00Z');
    await sql(
      `UPDATE cronzimus.jobs SET tz_version = '9999z', next_occurrence_at = $1, decided_until = now() WHERE name = 'foreign.zone'`,
      [next],
    );
    await keep();
    const { items } = await versions('foreign.zone');
    expect(items).toMatchObject([
      { version: 1, tzVersion: '9999z', validTo: null, by: null },
      { version: 1, tzVersion: process.versions['tz'], validTo: items[0]!.validFrom },
    ]);
    const firsts = await sql(`SELECT first_at FROM cronzimus.job_versions WHERE job = 'foreign.zone' ORDER BY id`);
    expect(firsts).toEqual([{ first_at: null }, { first_at: next }]);
  });
});

describe('prune-runs', () => {
  it('deletes versions and pauses that ended before the retention, and never a current one', async () => {
    await call('PUT', '/jobs/aged', later);
    await call('POST', '/jobs/aged/pause');
    await call('POST', '/jobs/aged/resume');
    await call('POST', '/jobs/aged/pause');
    await call('PATCH', '/jobs/aged', { priority: 1 });
    await sql(
      `WITH pauses AS (UPDATE cronzimus.job_pauses SET paused_at = now() - interval '50 days',
         ended_at = CASE WHEN ended_at IS NOT NULL THEN now() - interval '40 days' END WHERE job = 'aged')
       UPDATE cronzimus.job_versions SET valid_from = now() - interval '50 days',
         valid_to = CASE WHEN valid_to IS NOT NULL THEN now() - interval '40 days' END WHERE job = 'aged'`,
    );
    await service.app.get(PruneRuns, { strict: false }).run({}, runContext());
    expect((await versions('aged')).items).toMatchObject([{ version: 2, validTo: null }]);
    expect(await sql(`SELECT ended_at FROM cronzimus.job_pauses WHERE job = 'aged'`)).toEqual([{ ended_at: null }]);
    const [bounds] = await sql<{ days: number }>(
      `SELECT extract(day FROM now() - pruned_until)::int AS days FROM cronzimus.history_bounds`,
    );
    expect(bounds).toEqual({ days: 30 });
  });
});

it('dispatching writes no version', async () => {
  await call('PUT', '/jobs/ticking', { ...later, trigger: { type: 'interval', everySeconds: 0.1 }, overlap: 'allow' });
  for (let seen = 0; seen < 3;) seen = (await call<Page<object>>('GET', '/runs?job=ticking')).body.items.length;
  expect((await versions('ticking')).items).toHaveLength(1);
  await call('DELETE', '/jobs/ticking');
});
