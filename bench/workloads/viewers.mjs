import { fork } from 'node:child_process';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import pg from 'pg';
import { ask } from '../support/ask.mjs';
import { fillJobs, fillRuns, nameOf } from '../support/fill.mjs';
import { createEachSecond } from '../support/jobs.mjs';
import { largest, quantile } from '../support/numbers.mjs';
import { inRounds } from '../support/rounds.mjs';
import { startServiceWithTasks } from '../support/service.mjs';

export const title = 'viewers';
export const about =
  '100 occurrences a second, one each 10 ms, as in lateness, while 200 viewers send the request of a route again and again';

export const key = 'p99 ms';
export const reference = 'idle';

const VIEWERS = 200;
const A_SECOND = 100;
const ADMIN = 'admin-key-of-the-benchmark';
const VIEWER = 'viewer-key-of-the-benchmark';
const PROCESS = join(import.meta.dirname, '../support/viewers-process.mjs');

/** A thousand occurrences take 0.15 s to compute on a fast machine. */
const rare = { type: 'cron', expression: '30 2 L 3 +SUN', timeZone: 'Europe/Berlin' };
const preview = { method: 'POST', path: '/api/v1/triggers/preview', body: { trigger: rare, count: 1000 } };
const get = (path) => ({ method: 'GET', path: `/api/v1${path}` });
/** The worst that a viewer may ask of each route. */
export const requests = {
  idle: null,
  preview,
  'preview with hang-ups': { ...preview, hangUp: 20 },
  upcoming: get('/jobs/rare/upcoming?count=1000'),
  runs: get('/runs?limit=500'),
  jobs: get('/jobs?limit=500'),
  logs: get('/runs/01990000-0000-7000-8000-000000000001/logs?limit=500'),
  run: get('/runs/01990000-0000-7000-8000-000000000001'),
  job: get(`/jobs/${nameOf(3)}`),
  'jobs file': get('/jobs-file'),
  tasks: get('/tasks'),
  scheduler: get('/scheduler'),
  metrics: { method: 'GET', path: '/metrics' },
};

export async function run({ postgres, quick }) {
  const seconds = quick ? 2 : 8;
  const only = process.env.VIEWERS?.split(',') ?? Object.keys(requests);
  const measured = Object.entries(requests).filter(([name]) => only.includes(name));
  const of = (sent) => () => postgres.withDatabase((url) => measure(url, sent, seconds));
  return inRounds(
    quick ? 1 : 2,
    measured.map(([name, sent]) => ({ name, settings: 'defaults, with API keys', run: of(sent) })),
  );
}

async function measure(url, sent, seconds) {
  const service = await startServiceWithTasks({
    DATABASE_URL: url,
    API_KEYS: `bench:admin:${ADMIN},viewer:viewer:${VIEWER}`,
  });
  const child = fork(PROCESS);
  // The clients stand for other machines, so they give way to the service and to PostgreSQL.
  setPriority(child.pid, 19);
  try {
    await fill(url);
    await createEachSecond(service, A_SECOND, { task: 'noop', overlap: 'allow' }, ADMIN);
    await setTimeout(2000);
    if (sent) await ask(child, 'start', service.url, VIEWERS, VIEWER, sent, sent.hangUp);
    await setTimeout(1000);
    const before = await ask(service.child, 'count');
    await ask(service.child, 'worstStallMs', true);
    await setTimeout(seconds * 1000);
    const stall = await ask(service.child, 'worstStallMs');
    const lateness = (await ask(service.child, 'lateness')).slice(before);
    const { statuses, medianMs } = await ask(child, 'stop');
    return {
      'p50 ms': quantile(lateness, 0.5),
      'p99 ms': quantile(lateness, 0.99),
      'max ms': largest(lateness),
      'stall ms': stall,
      starts: lateness.length,
      ...(sent && {
        '200/s': (statuses[200] ?? 0) / (seconds + 1),
        '429/s': (statuses[429] ?? 0) / (seconds + 1),
        'other/s': otherThan(statuses) / (seconds + 1),
        'response ms': medianMs,
      }),
    };
  } finally {
    child.kill();
    await service.stop();
  }
}

const otherThan = ({ 200: _ok, 429: _busy, ...others }) => Object.values(others).reduce((sum, n) => sum + n, 0);

async function fill(url) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('SET search_path TO cronzimus');
    await fillJobs(client, 2_000);
    await fillRuns(client, 20_000);
    for (const statement of ofViewers) await client.query(statement);
  } finally {
    await client.end();
  }
}

/** A job with rare occurrences, and a run with a large log and output. */
const ofViewers = [
  `UPDATE jobs SET name = 'rare', trigger = '${JSON.stringify({ ...rare, startAt: null, endAt: null, jitterSeconds: 0 })}'
   WHERE name = '${nameOf(2)}'`,
  `INSERT INTO runs SELECT (jsonb_populate_record(run, jsonb_build_object('id', '01990000-0000-7000-8000-000000000001', 'kind', 'manual',
     'output', repeat('x', 60000), 'input', jsonb_build_object('text', repeat('y', 60000))))).* FROM runs run LIMIT 1`,
  `INSERT INTO run_logs (run_id, attempt, at, level, message, fields)
   SELECT '01990000-0000-7000-8000-000000000001', 1, now(), 'info', repeat('z', 1000), jsonb_build_object('bytes', n)
   FROM generate_series(1, 1000) AS n`,
];
