import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Injectable, Module } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { EntityManager } from 'typeorm';
import { serve } from '../src/application.js';
import { ENVIRONMENT, type Environment } from '../src/config/environment.js';
import { ApiDatabase } from '../src/database/api-database.js';
import { SCHEDULER } from '../src/database/data-source.js';
import { Declarations } from '../src/jobs/declared/declarations.js';
import type { Job } from '../src/jobs/definition/job.entity.js';
import { Metrics } from '../src/metrics/metrics.js';
import { RunMetrics } from '../src/runs/worker/run-metrics.js';
import { Task, type TaskHandler } from '../src/tasks/task.decorator.js';
import { Proxy } from './faults/proxy.js';
import { createTestApplication } from './support/application.js';
import { runSql } from './support/run-sql.js';
import { createTestDatabase } from './support/database.js';
import { eventually } from './support/eventually.js';
import { forkScript, nextMessage } from './support/fork.js';
import { givenJobs, jobRow } from './support/jobs.js';
import { kill } from './support/kill.js';
import { runIdAt } from './support/run-id-at.js';
import { scrape } from './support/scrape.js';
import { finishedJob, TestService } from './support/service.js';

/** An SQLSTATE. */
const DIVISION_BY_ZERO = '22012';

const cleanUp: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).toReversed()) await step();
});

async function givenService(...how: Parameters<typeof TestService.start>): Promise<TestService> {
  const service = await TestService.start(...how);
  cleanUp.push(() => service.stop());
  return service;
}

/** An application whose loops do not run, so that its tables stay as they are. */
async function givenIdleApplication(variables: Record<string, string> = {}) {
  const database = await createTestDatabase();
  cleanUp.push(() => database.drop());
  const app = await createTestApplication(database.url, variables);
  cleanUp.push(() => app.close());
  await app.listen(0, '127.0.0.1');
  const given = (...jobs: Job[]) => givenJobs(app.get(getDataSourceToken(SCHEDULER), { strict: false }), jobs);
  return { app, url: await app.getUrl(), database: database.url, given };
}

/** The values of a series by its labels, which are sorted by name; without labels by ''. */
async function valuesOf(url: string, name: string): Promise<Record<string, number>> {
  const series = (await scrape(url)).get(`cronzimus_${name}`);
  if (!series) throw new Error(`there is no cronzimus_${name}`);
  const plain = series.samples.filter((sample) => !/_(bucket|sum)$/.test(sample.name));
  return Object.fromEntries(plain.map(({ labels, value }) => [keyOf(labels), value]));
}
const keyOf = (labels: Record<string, string>) =>
  Object.entries(labels)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([label, value]) => `${label}=${value}`)
    .join(' ');
const valueOf = async (url: string, name: string, labels = '') => (await valuesOf(url, name))[labels];

/** The ended rows of the history, counted in SQL. */
async function endsIn(database: string): Promise<Record<string, number>> {
  const rows = await runSql(
    database,
    `SELECT job, kind, state, COALESCE(reason, '') AS reason, count(*)::int AS ends FROM cronzimus.runs
     WHERE state NOT IN ('pending', 'running', 'retrying') GROUP BY 1, 2, 3, 4`,
  );
  return Object.fromEntries(
    rows.map(({ ends, ...labels }) => [keyOf(labels as Record<string, string>), ends as number]),
  );
}

const PAST = new Date('2026-01-01T00:00:00Z');
const due = (name: string, written: Partial<Job> = {}) =>
  jobRow(name, {
    task: 'echo',
    input: { text: 'x' },
    trigger: {
      type: 'interval',
      // Long enough for no other occurrence to become due while the test runs.
      everySeconds: 31_536_000,
      anchor: PAST.toISOString(),
      startAt: null,
      endAt: null,
      jitterSeconds: 0,
    },
    nextOccurrenceAt: PAST,
    nextRunAt: PAST,
    ...written,
  });

describe('runs', () => {
  it('are counted once each by job, kind, state and reason, as in the history', async () => {
    const service = await givenService();
    const { database, url } = service;
    await runSql(database, 'CREATE TABLE public.ledger (entry text)');
    await service.given(
      finishedJob('echo', 'echo', { input: { text: 'x' } }),
      finishedJob('fails', 'fail', {
        input: { attempts: 2 },
        retry: { limit: 1, delaySeconds: 0.1, backoff: 'fixed', maxDelaySeconds: 1 },
      }),
      finishedJob('late', 'wait', { timeoutSeconds: 0.2 }),
      finishedJob('long', 'wait', { overlap: 'replace' }),
      finishedJob('held', 'wait', { overlap: 'queue' }),
      finishedJob('books', 'ledger', { input: { entry: 'x' } }),
      finishedJob('odd', 'unstorable', { input: { kind: 'nul' } }),
      finishedJob('strange', 'unheard-of'),
      due('missed', { misfire: { policy: 'skip', graceSeconds: 0, maxCatchUp: 1 } }),
      due('caught-up', { misfire: { policy: 'once', graceSeconds: 0, maxCatchUp: 1 } }),
    );
    // No worker has known its task for an hour when one claims it.
    await service.call('POST', '/scheduler/pause');
    const strange = await service.run('strange', 'pending');
    await runSql(
      database,
      `UPDATE cronzimus.runs SET queued_at = queued_at - interval '61 minutes' WHERE job = 'strange'`,
    );
    await service.call('POST', '/scheduler/resume');
    for (let time = 1; time <= 3; time += 1) await service.run('echo', 'succeeded');
    await service.run('fails', 'failed');
    await service.run('late', 'timed_out');
    await service.run('books', 'succeeded');
    await service.run('odd', 'failed');
    const replaced = await service.run('long', 'running');
    const { id: replacing } = await service.run('long', 'running');
    expect((await service.reaches(replaced.id, 'cancelled'))['reason']).toBe('replaced');
    await service.call('POST', `/runs/${replacing}/cancel`);
    await service.reaches(replacing, 'cancelled');
    const holding = await service.run('held', 'running');
    const held = await service.run('held', 'pending');
    await service.call('DELETE', '/jobs/held');
    await service.reaches(held.id, 'cancelled');
    await service.call('POST', `/runs/${holding.id}/cancel`);
    await service.call('POST', '/jobs/echo/backfill', { from: '2026-01-01T00:00:00Z', to: '2026-01-01T02:00:00Z' });
    // A process first waits for 15 s, in which another worker with the task may start.
    await service.reaches(strange.id, 'failed');

    await eventually(async () => {
      const counted = await valuesOf(url, 'runs_total');
      expect(counted).toEqual(await endsIn(database));
      const states = new Set(Object.keys(counted).map((labels) => /state=(\w+)/.exec(labels)![1]));
      expect(states).toEqual(new Set(['cancelled', 'failed', 'missed', 'succeeded', 'timed_out']));
    });
    expect(await valueOf(url, 'runs_total', 'job=echo kind=manual reason= state=succeeded')).toBe(3);

    const attempts = await runSql(database, `SELECT sum(attempt)::int AS n FROM cronzimus.runs WHERE job = 'fails'`);
    expect(await valueOf(url, 'run_duration_seconds', 'task=fail')).toBe(attempts[0]!['n']);
    expect(await valueOf(url, 'run_lateness_seconds', 'kind=catch_up')).toBe(1);
    expect(await valueOf(url, 'claim_duration_seconds')).toBeGreaterThan(10);
  });

  it('that an overlap or a pause skips are counted with their reason', async () => {
    const service = await givenService();
    const soon = new Date(Date.now() + 1_000);
    const grid = {
      type: 'interval',
      everySeconds: 0.5,
      anchor: soon.toISOString(),
      startAt: null,
      endAt: null,
      jitterSeconds: 0,
    } as const;
    await service.given(jobRow('busy', { task: 'wait', trigger: grid, nextOccurrenceAt: soon, nextRunAt: soon }));
    await eventually(async () => {
      const counted = await valuesOf(service.url, 'runs_total');
      expect(counted['job=busy kind=schedule reason=overlap state=skipped']).toBeGreaterThan(1);
    });
    await service.call('POST', '/jobs/busy/pause');
    const pausedFor = async () => {
      const [row] = await runSql(
        service.database,
        `SELECT next_run_at < now() - interval '1 s' AS over FROM cronzimus.jobs WHERE name = 'busy'`,
      );
      expect(row).toEqual({ over: true });
    };
    await eventually(pausedFor);
    await service.call('POST', '/jobs/busy/resume');
    await service.call('POST', '/jobs/busy/pause');
    await eventually(async () => {
      const counted = await valuesOf(service.url, 'runs_total');
      expect(counted).toEqual(await endsIn(service.database));
      expect(counted['job=busy kind=schedule reason=paused state=skipped']).toBeGreaterThan(0);
    });
  });

  it.each([
    ['echo', { text: 'x' }],
    ['ledger', { entry: 'x' }],
  ])('are counted once when the response to the COMMIT of their end is lost: %s', async (task, input) => {
    let proxy!: Proxy;
    const service = await givenService({}, async (url) => (proxy = await Proxy.to(url)).url);
    cleanUp.unshift(() => proxy.close());
    await runSql(service.database, 'CREATE TABLE public.ledger (entry text)');
    await service.given(finishedJob('job', task, { input }));
    const lost = proxy.loseCommitOf('WITH outcome AS');
    await service.run('job', 'succeeded');
    await lost;
    const labels = 'job=job kind=manual reason= state=succeeded';
    await eventually(async () => expect(await valuesOf(service.url, 'runs_total')).toEqual({ [labels]: 1 }));
    expect(await valueOf(service.url, 'results_refused_total')).toBe(0);
  });

  it('are not counted when the transaction that ends them is rolled back', async () => {
    const { app, url } = await givenIdleApplication();
    const end = { job: 'job', kind: 'manual', state: 'cancelled', reason: 'user' } as const;
    const [database, metrics] = [app.get(ApiDatabase, { strict: false }), app.get(RunMetrics, { strict: false })];
    const endIn = (tx: EntityManager) => metrics.ended(tx, [end]);
    const rolledBack = database.transaction(async (tx) => {
      endIn(tx);
      await tx.query('SELECT 1 / 0');
    });
    await expect(rolledBack).rejects.toMatchObject({ code: DIVISION_BY_ZERO });
    expect(await valuesOf(url, 'runs_total')).toEqual({});
    await database.transaction(async (tx) => endIn(tx));
    expect(await valuesOf(url, 'runs_total')).toEqual({ 'job=job kind=manual reason=user state=cancelled': 1 });
  });

  it('of more than 500 jobs have at most 500 job labels, and are all counted', async () => {
    const service = await givenService();
    const names = Array.from({ length: 520 }, (_none, index) => `job-${index}`);
    const misfire = { policy: 'skip', graceSeconds: 0, maxCatchUp: 1 } as const;
    await service.given(...names.map((name) => due(name, { misfire })));
    await eventually(async () => {
      const counted = Object.entries(await valuesOf(service.url, 'runs_total'));
      expect(counted.reduce((sum, [, value]) => sum + value, 0)).toBe(520);
      expect(counted).toHaveLength(501);
      expect(Object.fromEntries(counted)['job=other kind=schedule reason=misfire state=missed']).toBe(20);
    });
  });

  it('whose result arrives after another attempt has begun are counted as refused', async () => {
    const service = await givenService();
    await service.given(finishedJob('late', 'wait', { timeoutSeconds: 0.5 }));
    await service.run('late', 'running');
    await runSql(service.database, 'UPDATE cronzimus.runs SET attempt = attempt + 1');
    await eventually(async () => expect(await valueOf(service.url, 'results_refused_total')).toBe(1));
  });
});

describe('a replica that is killed', () => {
  let children: ChildProcess[];
  beforeEach(() => {
    children = [];
    cleanUp.push(() => Promise.all(children.map((child) => kill(child, 'SIGKILL'))));
  });

  it.each([
    ['rerun', 'rerun', {}],
    ['fail', 'worker_lost', { 'job=held kind=manual reason=worker_lost state=failed': 1 }],
  ] as const)(
    'leaves runs that are counted by the replica that takes them over: %s',
    async (onInterruption, fate, ends) => {
      const service = await givenService({ ROLES: 'api,scheduler' });
      await runSql(service.database, 'CREATE TABLE public.begun (run uuid, attempt int, pid int)');
      await service.given(finishedJob('held', 'hold', { onInterruption, overlap: 'allow' }));
      const worker = forkScript('service-process.js', { DATABASE_URL: service.database, ROLES: 'worker' });
      children.push(worker);
      await nextMessage(worker);
      await service.run('held', 'running');
      await kill(worker, 'SIGKILL');
      await eventually(async () =>
        expect(await valueOf(service.url, 'attempts_recovered_total', `reason=${fate}`)).toBe(1),
      );
      expect(await valuesOf(service.url, 'process_deaths_total')).toEqual({ 'task=hold': 1 });
      expect(await valuesOf(service.url, 'runs_total')).toEqual(ends);
    },
  );
});

/** Runs of a job in these states, queued a minute apart from 2026-07-01 on. Those that have ended took half a minute. */
async function givenHistory(database: string, job: string, states: string[]): Promise<void> {
  for (const [index, state] of states.entries())
    await runSql(
      database,
      `INSERT INTO cronzimus.runs (id, job_id, job, task, kind, state, queued_at, finished_at, scheduled_at, due_at,
         priority, timeout_seconds, retry, on_interruption, input)
       SELECT ${runIdAt('at')}, id, name, task, 'manual', '${state}', at,
         CASE WHEN '${state}' <> 'pending' THEN at + interval '30 s' END, at, at, 0, 1, '{}', 'rerun', '{}'
       FROM cronzimus.jobs, CAST('2026-07-01T00:0${index}:00Z' AS timestamptz) AS at WHERE name = '${job}'`,
    );
}

describe('metrics of the database', () => {
  it('equal the tables, and are read at most once in 15 s', async () => {
    const { url, database, given } = await givenIdleApplication();
    await given(
      due('active'),
      due('jittered', { nextRunAt: new Date('2027-01-01T00:00:00Z') }),
      due('paused', { paused: true }),
      finishedJob('finished', 'echo'),
    );
    await givenHistory(database, 'active', ['succeeded', 'succeeded', 'failed', 'skipped', 'pending']);
    await runSql(
      database,
      `INSERT INTO cronzimus.replicas (name, app, version, roles, started_at, seen_at)
      SELECT 'x', 'x', '1.2.3', roles, now(), now() FROM (VALUES ('{api,worker}'::text[]), ('{worker}')) AS r (roles)`,
    );
    const jobs = { 'state=active': 2, 'state=paused': 1, 'state=finished': 1 };
    expect(await valuesOf(url, 'jobs')).toEqual(jobs);
    expect(await valueOf(url, 'occurrences_overdue')).toBe(1);
    const [age] = await runSql(
      database,
      `SELECT extract(epoch FROM now() - '${PAST.toISOString()}'::timestamptz)::int AS s`,
    );
    expect(await valueOf(url, 'overdue_oldest_seconds')).toBeCloseTo(Number(age!['s']), -2);
    expect(await valueOf(url, 'queue_depth')).toBe(1);
    expect(await valueOf(url, 'scheduler_paused')).toBe(0);
    expect(await valuesOf(url, 'job_next_run_timestamp_seconds')).toEqual({
      'job=active': PAST.getTime() / 1000,
      'job=jittered': Date.parse('2027-01-01') / 1000,
    });
    expect(await valuesOf(url, 'job_last_success_timestamp_seconds')).toEqual({
      'job=active': Date.parse('2026-07-01T00:01:30Z') / 1000,
    });
    expect(await valuesOf(url, 'job_last_run_success')).toEqual({ 'job=active': 0 });
    expect(await valuesOf(url, 'replicas')).toEqual({
      'role=api version=1.2.3': 1,
      'role=worker version=1.2.3': 2,
    });
    expect(await valueOf(url, 'database_max_connections')).toBeGreaterThan(
      (await valueOf(url, 'database_connections')) ?? NaN,
    );
    expect(await valueOf(url, 'table_bytes', 'table=runs')).toBeGreaterThan(8_000);
    expect(await valueOf(url, 'table_bytes', 'table=run_queue')).toBeGreaterThan(8_000);

    await runSql(database, 'DELETE FROM cronzimus.jobs');
    expect(await valuesOf(url, 'jobs')).toEqual(jobs);
  });

  it('have labels for the first 500 jobs only', async () => {
    const { url, given } = await givenIdleApplication();
    await given(...Array.from({ length: 510 }, (_none, index) => due(`job-${index}`)));
    expect(Object.keys(await valuesOf(url, 'job_next_run_timestamp_seconds'))).toHaveLength(500);
    expect(await valueOf(url, 'jobs', 'state=active')).toBe(510);
  });

  it('are left out while the database does not respond, and those of the process are not', async () => {
    let proxy!: Proxy;
    const service = await givenService({}, async (url) => (proxy = await Proxy.to(url)).url);
    cleanUp.unshift(() => proxy.close());
    proxy.stall();
    cleanUp.push(async () => proxy.resume());
    const began = performance.now();
    const found = await scrape(service.url);
    // Prometheus waits 10 s for an answer, unless its configuration says otherwise.
    expect(performance.now() - began).toBeLessThan(10_000);
    for (const name of [
      'jobs',
      'occurrences_overdue',
      'queue_depth',
      'replicas',
      'table_bytes',
      'database_connections',
    ])
      expect([name, found.get(`cronzimus_${name}`)?.samples]).toEqual([name, []]);
    expect(found.get('cronzimus_worker_slots')?.samples).toMatchObject([{ value: 50 }]);
    expect(found.get('cronzimus_http_requests_total')).toBeDefined();
  });
});

describe('GET /metrics', () => {
  it('needs the key of a viewer', async () => {
    const { url } = await givenIdleApplication({ API_KEYS: 'prometheus:viewer:key-of-a-viewer-0123' });
    const response = await fetch(`${url}/metrics`);
    expect([response.status, await response.json()]).toEqual([401, expect.objectContaining({ code: 'NO_KEY' })]);
    expect(await scrape(url, { Authorization: 'Bearer key-of-a-viewer-0123' })).toBeDefined();
  });

  it('needs no key with METRICS_PUBLIC=true', async () => {
    const { url } = await givenIdleApplication({
      API_KEYS: 'prometheus:viewer:key-of-a-viewer-0123',
      METRICS_PUBLIC: 'true',
    });
    expect(await scrape(url)).toBeDefined();
    expect((await fetch(`${url}/api/v1/jobs`)).status).toBe(401);
  });

  it('is refused with a foreign Origin when there are no keys', async () => {
    const { url } = await givenIdleApplication({ METRICS_PUBLIC: 'true' });
    const response = await fetch(`${url}/metrics`, { headers: { Origin: 'https://example.org' } });
    expect(await response.json()).toMatchObject({ status: 403, code: 'FORBIDDEN_ORIGIN' });
  });

  it.each([
    ['worker', ['cancellations', 'heartbeat', 'peers', 'reconciler', 'run_logs', 'settler', 'worker']],
    ['scheduler', ['alerts', 'declarations', 'dispatch', 'heartbeat', 'peers', 'reconciler']],
    ['api', ['heartbeat']],
  ])('has the loops that run in a process of the role %s', async (ROLES, loops) => {
    const { url } = await givenService({ ROLES });
    await eventually(async () => {
      const ticks = await valuesOf(url, 'loop_last_tick_timestamp_seconds');
      expect(Object.keys(ticks).toSorted()).toEqual(loops.map((loop) => `loop=${loop}`));
      for (const at of Object.values(ticks)) expect(Math.abs(Date.now() / 1000 - at)).toBeLessThan(30);
    });
    expect(await valueOf(url, 'worker_slots')).toBe(ROLES === 'worker' ? 50 : 0);
    expect(Object.keys(await valuesOf(url, 'clock_offset_seconds'))).toHaveLength(ROLES === 'scheduler' ? 1 : 0);
  });
});

describe('requests', () => {
  it('are counted by the pattern of their route, not by their path', async () => {
    const { url } = await givenIdleApplication();
    const ids = ['01990000-0000-7000-8000-000000000000', '01990000-0000-7000-8000-000000000001'];
    for (const path of [...ids.map((id) => `/api/v1/runs/${id}`), '/no/such', '/api/v1/nope', '/docs-json'])
      await (await fetch(url + path)).text();
    const counted = await valuesOf(url, 'http_requests_total');
    expect(counted).toEqual({
      'method=GET route=/api/v1/runs/:id status=404': 2,
      'method=GET route=none status=404': 2,
      'method=GET route=/docs-json status=200': 1,
    });
    expect(await valueOf(url, 'http_request_duration_seconds', 'method=GET route=/api/v1/runs/:id')).toBe(2);
  });

  it('that are refused because of their key are counted with the reason', async () => {
    const { url } = await givenIdleApplication({ API_KEYS: 'ci:viewer:key-of-a-viewer-0123', METRICS_PUBLIC: 'true' });
    const send = (authorization: string, method = 'GET') =>
      fetch(`${url}/api/v1/scheduler${method === 'GET' ? '' : '/pause'}`, { method, headers: { authorization } });
    await send('');
    await send('Bearer key-of-a-viewer-0123', 'POST');
    for (let guess = 1; guess <= 42; guess += 1) await send(`Bearer guess-${guess}`);
    const refused = await valuesOf(url, 'auth_refused_total');
    expect(refused).toMatchObject({
      'reason=no_key': 1,
      'reason=role_too_low': 1,
      'reason=wrong_key': 40,
      'reason=too_many_wrong_keys': 2,
      'reason=key_expired': 0,
    });
  });

  it('of the http task that are refused because of their address are counted', async () => {
    const service = await givenService();
    await service.given(finishedJob('nosy', 'http', { input: { url: 'http://169.254.169.254/latest/meta-data/' } }));
    await service.run('nosy', 'failed');
    expect(await valueOf(service.url, 'http_task_blocked_total')).toBe(1);
  });
});

const jobsFile = (text: string) =>
  JSON.stringify({ jobs: { a: { task: 'echo', input: { text }, trigger: { type: 'interval', everySeconds: 3600 } } } });

describe('the jobs file', () => {
  it('has its reloads: applied, rejected and unchanged; without a file there are none', async () => {
    const path = join(await mkdtemp(join(process.env['TEST_SCRATCH']!, 'metrics-')), 'jobs.json');
    const write = (text: string) => writeFile(path, jobsFile(text));
    await write('one');
    const { app, url } = await givenService({ JOBS_FILE: path });
    const hash = async () => Object.keys(await valuesOf(url, 'jobs_file_info'))[0];
    const first = await hash();
    expect(first).toMatch(/^hash=[0-9a-f]{12}$/);
    expect(await valueOf(url, 'jobs_file_last_reload_success')).toBe(1);

    await writeFile(path, '{');
    await eventually(async () => expect(await valueOf(url, 'jobs_file_last_reload_success')).toBe(0));
    expect(await hash()).toBe(first);
    await write('two');
    await eventually(async () => expect(await valueOf(url, 'jobs_file_last_reload_success')).toBe(1));
    expect(await hash()).not.toBe(first);
    // As SIGHUP does.
    app.get(Declarations, { strict: false }).reload();
    const reloads = { 'result=success': 2, 'result=rejected': 1, 'result=unchanged': 1 };
    await eventually(async () => expect(await valuesOf(url, 'jobs_file_reloads_total')).toEqual(reloads));
    expect(await valueOf(url, 'jobs_file_last_reload_timestamp_seconds')).toBeGreaterThan(Date.now() / 1000 - 60);

    const other = await givenIdleApplication();
    expect(await valuesOf(other.url, 'jobs_file_last_reload_success')).toEqual({});
  });
});

const keysFile = (role: string) =>
  `- { name: a, role: ${role}, sha256: ${createHash('sha256').update('key-a').digest('hex')} }`;

describe('the API keys file', () => {
  it('has its reloads: applied and rejected; without a file there are none', async () => {
    const path = join(await mkdtemp(join(process.env['TEST_SCRATCH']!, 'metrics-')), 'keys.yaml');
    await writeFile(path, keysFile('viewer'));
    const { url } = await givenService({ API_KEYS_FILE: path, METRICS_PUBLIC: 'true' });
    const isSuccess = () => valueOf(url, 'api_keys_file_last_reload_success');
    expect(await isSuccess()).toBe(1);
    await writeFile(path, keysFile('root'));
    await eventually(async () => expect(await isSuccess()).toBe(0));
    await rm(path);
    const rejectedTwice = { 'result=success': 1, 'result=rejected': 2 };
    await eventually(async () => expect(await valuesOf(url, 'api_keys_file_reloads_total')).toEqual(rejectedTwice));
    expect(await isSuccess()).toBe(0);
    await writeFile(path, keysFile('admin'));
    await eventually(async () => expect(await isSuccess()).toBe(1));
    expect(await valueOf(url, 'api_keys_file_last_reload_timestamp_seconds')).toBeGreaterThan(Date.now() / 1000 - 60);

    const other = await givenIdleApplication();
    expect(await valuesOf(other.url, 'api_keys_file_last_reload_success')).toEqual({});
  });
});

it('counts the reconnects of the session that listens', async () => {
  const { url, database } = await givenService();
  await runSql(
    database,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE application_name = 'cronzimus session' AND datname = current_database()`,
  );
  await eventually(async () => expect(await valueOf(url, 'listen_reconnects_total')).toBe(1));
});

/** Lets the task return, long after its signal. */
let letTaskReturn: () => void;
@Injectable()
@Task({ name: 'deaf' })
class Deaf implements TaskHandler {
  run() {
    return new Promise<void>((resolve) => (letTaskReturn = resolve));
  }
}
@Module({ providers: [Deaf] })
class DeafModule {}

it('has running and abandoned attempts, and counts the refused late result', async () => {
  const database = await createTestDatabase();
  cleanUp.push(() => database.drop());
  const app = await createTestApplication(database.url, { WORKER_CONCURRENCY: '3' }, [DeafModule]);
  cleanUp.push(() => app.close());
  cleanUp.push(await serve(app, app.get<Environment>(ENVIRONMENT, { strict: false })));
  const url = await app.getUrl();
  await givenJobs(app.get(getDataSourceToken(SCHEDULER), { strict: false }), [
    finishedJob('deaf', 'deaf', { timeoutSeconds: 0.2 }),
  ]);
  await fetch(`${url}/api/v1/jobs/deaf/run`, { method: 'POST', headers: { 'X-Cronzimus-Request': '1' } });
  await eventually(async () => expect(await valueOf(url, 'attempts_running')).toBe(1));
  expect(await valueOf(url, 'worker_slots')).toBe(3);
  expect(await valueOf(url, 'attempts_abandoned')).toBe(0);
  await eventually(async () => expect(await valueOf(url, 'attempts_abandoned')).toBe(1));
  expect(await valueOf(url, 'runs_total', 'job=deaf kind=manual reason= state=timed_out')).toBe(1);
  letTaskReturn();
  await eventually(async () => expect(await valueOf(url, 'attempts_running')).toBe(0));
  expect(await valueOf(url, 'attempts_abandoned')).toBe(0);
  expect(await valueOf(url, 'results_refused_total')).toBe(1);
});

it('has the connection pools, including that of transactional attempts once there was one', async () => {
  const service = await givenService();
  await runSql(service.database, 'CREATE TABLE public.ledger (entry text)');
  await service.given(finishedJob('books', 'ledger', { input: { entry: 'x' } }));
  const pools = async () =>
    new Set(Object.keys(await valuesOf(service.url, 'database_pool_connections')).map((key) => key.split(' ')[0]));
  expect(await pools()).toEqual(new Set(['pool=api', 'pool=scheduler', 'pool=tasks']));
  await service.run('books', 'succeeded');
  expect(await pools()).toEqual(new Set(['pool=api', 'pool=scheduler', 'pool=tasks', 'pool=transactional']));
});

describe('docs/metrics.md', () => {
  const page = readFileSync(join(import.meta.dirname, '../docs/metrics.md'), 'utf8');
  const documented = [...page.matchAll(/^\| `(?<name>\w+)` +\| (?<type>\w+) +\| (?<labels>[^|]*?) +\| [pd] +\|/gm)].map(
    ({ groups }) => [groups!['name']!, groups!['type'], groups!['labels']!.replaceAll(/[`\s]/g, '')] as const,
  );

  it('has every series with its type and labels, and no others', async () => {
    const { app } = await givenIdleApplication();
    const { registry } = app.get(Metrics, { strict: false });
    const exported = registry
      .getMetricsAsArray()
      .filter(({ name }) => name.startsWith('cronzimus_'))
      .map((metric) => {
        const { name, type, labelNames } = metric as unknown as { name: string; type: string; labelNames: string[] };
        return [name, type, labelNames.join()];
      });
    expect(new Set(documented)).toEqual(new Set(exported));
    expect(documented).toHaveLength(exported.length);
    expect(documented.length).toBeGreaterThan(30);
  });

  it('has those of the process and of Node too', async () => {
    const { app } = await givenIdleApplication();
    const { registry } = app.get(Metrics, { strict: false });
    const others = registry.getMetricsAsArray().flatMap(({ name }) => (name.startsWith('cronzimus_') ? [] : [name]));
    expect(new Set([...page.matchAll(/`((?:process|nodejs)_\w+)`/g)].map(([, name]) => name))).toEqual(new Set(others));
  });
});
