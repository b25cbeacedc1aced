// How long lists take with 100,000 jobs and 1,000,000 runs: node bench/lists.mjs [part of a query's name]
// Built code, an embedded PostgreSQL in a folder that goes again, real requests one after the other on one connection.
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { text } from 'node:stream/consumers';
import pg from 'pg';
import { startEmbeddedPostgres } from '../dist/database/embedded-postgres.js';
import { migrate } from '../dist/database/migrate.js';
import { encodeCursor } from '../dist/http/page.js';
import { DAYS, fill, JOBS, nameOf, RUNS } from './support/fill.mjs';
import { plansOf } from './support/plans.mjs';
import { startService } from './support/service.mjs';

const REQUESTS = 200;
/** Until V8 has compiled what answers the query. */
const WARM_UP = 50;
const LIMIT_MS = 50;
const DAY_MS = 86_400_000;
const [wanted = ''] = process.argv.slice(2);

const folder = await mkdtemp(join(tmpdir(), 'cronzimus-bench-'));
const server = await startEmbeddedPostgres(folder);
try {
  const settings = { DATABASE_URL: server.url, DATABASE_SCHEMA: 'cronzimus' };
  await migrate(settings);
  const queries = await filled(settings);
  const service = await startService({ DATABASE_URL: server.url });
  try {
    await measureAll(service.url, settings, queries);
  } finally {
    await service.stop();
  }
} finally {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
}

/** Fills the tables, and answers what to ask. */
async function filled({ DATABASE_URL, DATABASE_SCHEMA }) {
  const client = new pg.Client({ connectionString: DATABASE_URL });
  await client.connect();
  try {
    await client.query(`SET search_path TO ${DATABASE_SCHEMA}`);
    const begun = performance.now();
    await fill(client);
    console.log(`filled in ${Math.round((performance.now() - begun) / 1000)} s`);
    return await queriesOf(client);
  } finally {
    await client.end();
  }
}

/** What is asked, by name; each is handed the number of the request, so that no two in a row ask for the same rows. */
async function queriesOf(client) {
  const job = (i) => nameOf(2 + ((i * 7919) % (JOBS - 1)));
  const runs = await deep(client, 'runs', 'id');
  const updated = await deep(client, 'jobs', 'updated_at', 'name');
  const due = await deep(client, 'jobs', 'next_run_at', 'name');
  const failed = await client.query(`SELECT id FROM runs WHERE state = 'failed' LIMIT $1`, [REQUESTS]);
  const logged = await client.query('SELECT DISTINCT run_id AS id FROM run_logs LIMIT $1', [REQUESTS]);
  const at = (daysAgo) => new Date(Date.now() - daysAgo * DAY_MS).toISOString();
  const past = (i) => 2 + (i % (DAYS - 3));
  const window = (i, days) => `from=${at(past(i) + days)}&to=${at(past(i))}`;
  const cursor = (values) => `cursor=${encodeCursor(values)}`;
  const sorts = ['name', 'nextRunAt', '-updatedAt'];
  const filters = {
    'state=active': 'state=active',
    'state=paused': 'state=paused',
    'state=finished': 'state=finished',
    'task, many': 'task=http',
    'task, few': 'task=table-sizes',
    'task, none': 'task=nothing',
    'tag, many': 'tag=nightly',
    'tag, a team': (i) => `tag=team-${String(1 + (i % 100)).padStart(3, '0')}`,
    'tag, none': 'tag=nothing',
    'source, many': 'source=api',
    'source, few': 'source=file',
    'q, many': 'q=Service',
    'q, a team': (i) => `q=team-${String(1 + (i % 100)).padStart(3, '0')}`,
    'q, one': (i) => `q=${job(i).slice(9)}`,
    'q, none': 'q=nowhere',
  };
  const of = (query, i) => (typeof query === 'function' ? query(i) : query);
  return {
    ...Object.fromEntries(sorts.map((sort) => [`jobs sort=${sort}`, () => `/jobs?sort=${sort}`])),
    'jobs limit=500': () => '/jobs?limit=500',
    'jobs sort=name, deep': (i) => `/jobs?${cursor(['name', null, job(i)])}`,
    'jobs sort=nextRunAt, deep': (i) => `/jobs?sort=nextRunAt&${cursor(['nextRunAt', ...due(i)])}`,
    'jobs sort=-updatedAt, deep': (i) => `/jobs?sort=-updatedAt&${cursor(['-updatedAt', ...updated(i)])}`,
    ...Object.fromEntries(
      Object.entries(filters).flatMap(([name, query]) =>
        sorts.map((sort) => [`jobs ${name}, sort=${sort}`, (i) => `/jobs?${of(query, i)}&sort=${sort}`]),
      ),
    ),
    job: (i) => `/jobs/${job(i)}`,
    upcoming: (i) => `/jobs/${job(i)}/upcoming`,
    'upcoming count=1000': (i) => `/jobs/${job(i)}/upcoming?count=1000`,
    runs: () => '/runs',
    'runs limit=500': () => '/runs?limit=500',
    'runs, deep': (i) => `/runs?${cursor(runs(i))}`,
    'runs job': (i) => `/runs?job=${job(i)}`,
    'runs job-hot': () => '/runs?job=job-hot',
    'runs job-hot, deep': (i) => `/runs?job=job-hot&${cursor(runs(i))}`,
    ...Object.fromEntries(
      ['succeeded', 'failed', 'timed_out', 'missed', 'skipped', 'cancelled', 'pending', 'running'].flatMap((state) => [
        [`runs state=${state}`, () => `/runs?state=${state}`],
        [`runs state=${state}, deep`, (i) => `/runs?state=${state}&${cursor(runs(i))}`],
        [`runs state=${state} job`, (i) => `/runs?state=${state}&job=${job(i)}`],
        [`runs state=${state} job-hot`, () => `/runs?state=${state}&job=job-hot`],
      ]),
    ),
    ...Object.fromEntries(
      ['schedule', 'catch_up', 'manual', 'backfill', 'retry'].flatMap((kind) => [
        [`runs kind=${kind}`, () => `/runs?kind=${kind}`],
        [`runs kind=${kind}, deep`, (i) => `/runs?kind=${kind}&${cursor(runs(i))}`],
        [`runs kind=${kind} job-hot`, () => `/runs?kind=${kind}&job=job-hot`],
      ]),
    ),
    'runs kind=retry state=failed': () => '/runs?kind=retry&state=failed',
    'runs from a day ago': () => `/runs?from=${at(2)}`,
    'runs from the future': () => `/runs?from=${at(-1)}`,
    'runs to, past': (i) => `/runs?to=${at(past(i))}`,
    'runs to, before all': () => `/runs?to=${at(DAYS + 5)}`,
    'runs of an hour': (i) => `/runs?${window(i, 1 / 24)}`,
    'runs of a day': (i) => `/runs?${window(i, 1)}`,
    'runs of a week': (i) => `/runs?from=${at(past(i) + 7)}&to=${at(past(i))}`,
    'runs of a day, job': (i) => `/runs?${window(i, 1)}&job=${job(i)}`,
    'runs of a day, job-hot': (i) => `/runs?${window(i, 1)}&job=job-hot`,
    'runs of a day, failed': (i) => `/runs?${window(i, 1)}&state=failed`,
    'runs of a day, retry': (i) => `/runs?${window(i, 1)}&kind=retry`,
    run: (i) => `/runs/${failed.rows[i % failed.rows.length].id}`,
    logs: (i) => `/runs/${logged.rows[i % logged.rows.length].id}/logs`,
    audit: () => '/audit',
    'audit, deep': (i) => `/audit?to=${at(i)}`,
    'audit job': (i) => `/audit?job=${job(i)}`,
    'audit target': (i) => `/audit?target=${job(i)}`,
    'audit action, many': () => '/audit?action=job.update',
    'audit action, few': () => '/audit?action=job.delete',
    'audit action, none': () => '/audit?action=run.retry',
    'audit by, many': () => '/audit?by=ci',
    'audit by, few': () => '/audit?by=anna',
    'audit by, none': () => '/audit?by=nobody',
    'audit of a day, by': (i) => `/audit?by=anna&from=${at(i + 1)}&to=${at(i)}`,
  };
}

/** Places all over a list, for cursors. */
async function deep(client, table, ...columns) {
  const [key, id = key] = columns;
  const { rows } = await client.query({
    text: `SELECT ${columns} FROM ${table} WHERE ${key} IS NOT NULL ORDER BY md5(${id}::text) LIMIT $1`,
    values: [REQUESTS],
    rowMode: 'array',
  });
  return (i) => rows[i % rows.length];
}

async function measureAll(url, settings, queries) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const slow = [];
  const found = Object.entries(queries).filter(([name]) => name.includes(wanted));
  // How long a start with as many jobs takes is another workload: alarms are set, and PostgreSQL fills its memory.
  await setTimeout(30_000);
  for (const [, path] of found) await ask(agent, `${url}/api/v1${path(0)}`);
  console.log(`\n| query | p50 ms | p99 ms |\n| --- | ---: | ---: |`);
  for (const [name, path] of found) {
    const { p50, p99, slowest } = await measure(agent, `${url}/api/v1`, path);
    console.log(`| ${name} | ${p50.toFixed(1)} | ${p99.toFixed(1)}${p99 > LIMIT_MS ? ' **over**' : ''} |`);
    if (p99 > LIMIT_MS) slow.push({ name, slowest });
  }
  agent.destroy();
  console.log(`\n${found.length} queries of ${REQUESTS} requests each, ${slow.length} over ${LIMIT_MS} ms`);
  for (const { name, slowest } of slow)
    for (const plan of await plansOf(settings, slowest)) console.log(`\n${name}: ${slowest}\n${plan}`);
}

async function measure(agent, base, path) {
  const taken = [];
  for (let i = -WARM_UP; i < REQUESTS; i++) {
    const asked = path(Math.abs(i));
    const begun = performance.now();
    await ask(agent, base + asked);
    if (i >= 0) taken.push({ ms: performance.now() - begun, asked });
  }
  taken.sort((a, b) => a.ms - b.ms);
  const at = (part) => taken[Math.ceil(part * taken.length) - 1].ms;
  return { p50: at(0.5), p99: at(0.99), slowest: taken.at(-1).asked };
}

function ask(agent, url) {
  return new Promise((resolve, reject) => {
    get(url, { agent }, (response) => {
      text(response).then((body) => {
        if (response.statusCode === 200) resolve(body);
        else reject(new Error(`${url} answered ${response.statusCode}: ${body}`));
      }, reject);
    }).on('error', reject);
  });
}
