/**
 * 100,000 jobs, 1,000,000 runs of the last 30 days and 100,000 entries of the audit, in the proportions of a fleet that is
 * mostly well. Teams have their own names and tags, so that a filter and an order go together as they do in life; job-hot
 * has every tenth run. Nothing is due within the next hours.
 */
export const JOBS = 100_000;
export const RUNS = 1_000_000;
export const AUDIT = 100_000;
export const DAYS = 30;

export const nameOf = (n) => `team-${String(Math.ceil(n / 1000)).padStart(3, '0')}.job-${String(n).padStart(6, '0')}`;

const name = (n) => `format('team-%s.job-%s', lpad((((${n}) + 999) / 1000)::text, 3, '0'), lpad((${n})::text, 6, '0'))`;

/** A UUID v7 of that instant, the same each time. */
const idOf = (at, n) =>
  `(lpad(to_hex((extract(epoch FROM ${at}) * 1000)::bigint), 12, '0') || '7' || substr(md5((${n})::text), 1, 3) || '8' || substr(md5((${n})::text), 4, 15))::uuid`;

const jobs = `
  INSERT INTO jobs (id, name, description, task, input, trigger, paused, declared_paused, priority, tags, timeout_seconds, retry,
    on_interruption, misfire, overlap, source, owner, version, next_occurrence_at, next_run_at, created_at, updated_at)
  SELECT md5('job ' || n)::uuid, CASE n WHEN 1 THEN 'job-hot' ELSE ${name('n')} END,
    'Calls the service of team ' || (n + 999) / 1000 || ' and tells it that hour ' || n % 24 || ' is over',
    CASE WHEN n % 1000 = 0 THEN 'table-sizes' WHEN n % 10 = 0 THEN 'sql' ELSE 'http' END,
    jsonb_build_object('url', 'https://example.org/hooks/' || n, 'method', 'POST'),
    jsonb_build_object('type', 'cron', 'expression', n % 60 || ' ' || n % 24 || ' * * *', 'timeZone', 'UTC', 'startAt', null,
      'endAt', null, 'jitterSeconds', 0),
    n % 50 = 7, n % 50 = 7, 0, ARRAY['team-' || lpad(((n + 999) / 1000)::text, 3, '0')] || CASE WHEN n % 5 = 0 THEN '{nightly}' ELSE '{}' END::text[],
    300, '{"limit": 0, "delaySeconds": 5, "backoff": "exponential", "maxDelaySeconds": 3600}', 'rerun',
    '{"policy": "once", "graceSeconds": 60, "maxCatchUp": 100}', 'skip',
    CASE WHEN n % 10000 < 10 THEN 'file' ELSE 'api' END, CASE WHEN n % 10000 < 10 THEN 'bench' END, 1,
    CASE WHEN n % 50 <> 8 THEN due END, CASE WHEN n % 50 <> 8 THEN due END, made, made
  FROM generate_series(1, $1::int) AS n,
    LATERAL (SELECT date_trunc('minute', now()) + interval '6 hours' + n % 1440 * interval '1 minute' AS due,
      date_trunc('second', now()) - interval '60 days' + (n / 500) * interval '1 minute' AS made) AS times`;

const runs = `
  INSERT INTO runs (id, job_id, job, task, kind, state, reason, scheduled_at, due_at, queued_at, started_at, finished_at, attempt,
    lateness_ms, replica_number, replica, priority, timeout_seconds, retry, on_interruption, input, output, error)
  SELECT ${idOf('queued', 'n')}, md5('job ' || job)::uuid, CASE job WHEN 1 THEN 'job-hot' ELSE ${name('job')} END, 'http',
    CASE WHEN n % 100 < 97 THEN 'schedule' WHEN n % 100 = 97 THEN 'manual' WHEN n % 100 = 98 THEN 'backfill' WHEN n % 1000 = 99 THEN 'retry' ELSE 'catch_up' END,
    state, CASE state WHEN 'skipped' THEN 'overlap' WHEN 'missed' THEN 'misfire' WHEN 'cancelled' THEN 'user' END,
    at, at, queued, started, coalesce(started, at) + interval '120 ms',
    CASE WHEN started IS NULL THEN 0 ELSE 1 END, CASE WHEN started IS NULL THEN NULL ELSE 12 END, 1, '1 bench pid 1', 0, 300,
    '{"limit": 0, "delaySeconds": 5, "backoff": "exponential", "maxDelaySeconds": 3600}', 'rerun',
    jsonb_build_object('url', 'https://example.org/hooks/' || job, 'method', 'POST'),
    CASE state WHEN 'succeeded' THEN jsonb_build_object('status', 200, 'headers', '{}'::jsonb, 'body', md5(n::text)) END,
    CASE WHEN state IN ('failed', 'timed_out') THEN jsonb_build_object('name', 'HttpStatusError', 'code', 'HTTP_STATUS', 'message',
      'POST https://example.org/hooks answered 503 instead of a 2xx', 'stack', repeat('at somewhere (file.js:1:1) ', 20)) END
  FROM (
    SELECT n, CASE WHEN n % 10 = 0 THEN 1 ELSE 1 + (n::bigint * 7919) % ${JOBS} END AS job,
      CASE WHEN n % 1000 < 970 THEN 'succeeded' WHEN n % 1000 < 980 THEN 'failed' WHEN n % 1000 < 982 THEN 'timed_out'
        WHEN n % 1000 < 985 THEN 'cancelled' WHEN n % 1000 < 997 THEN 'skipped' ELSE 'missed' END AS state,
      date_trunc('milliseconds', now()) - interval '${DAYS} days' + n * interval '${(DAYS * 86_400_000) / RUNS} ms' - interval '1 day' AS at
    FROM generate_series($1::int, $2::int) AS n) AS drawn,
    LATERAL (SELECT at + CASE WHEN n % 100 >= 98 THEN interval '1 day' ELSE interval '7 ms' END AS queued,
      CASE WHEN state NOT IN ('skipped', 'missed') THEN at + interval '12 ms' END AS started) AS times`;

const attempts = `
  INSERT INTO run_attempts (run_id, number, replica, started_at, finished_at, state, error)
  SELECT id, 1, replica, started_at, finished_at, state, error FROM runs WHERE state IN ('failed', 'timed_out')`;

const logs = `
  INSERT INTO run_logs (run_id, attempt, at, level, message, fields)
  SELECT id, 1, started_at, 'info', 'posted', '{"bytes": 4711}'
  FROM (SELECT id, started_at, row_number() OVER () AS place FROM runs WHERE state = 'failed') AS failed,
    generate_series(1, CASE WHEN place <= 10 THEN 1000 ELSE 5 END)`;

const audit = `
  INSERT INTO audit (at, by, role, origin, action, target, job, before, after)
  SELECT date_trunc('milliseconds', now()) - (${AUDIT} - n) * interval '4 minutes',
    CASE WHEN n % 10000 = 0 THEN 'anna' WHEN n % 2 = 0 THEN 'ci' ELSE 'file' END, 'admin', '203.0.113.7',
    CASE WHEN n % 5000 = 0 THEN 'job.delete' WHEN n % 10 = 0 THEN 'job.pause' ELSE 'job.update' END, job, job, state, state
  FROM generate_series(1, ${AUDIT}) AS n,
    LATERAL (SELECT ${name('1 + n % 100000')} AS job, jsonb_build_object('task', 'http', 'timeoutSeconds', n, 'description', repeat('x', 300)) AS state) AS of`;

/** The first of those jobs. */
export async function fillJobs(client, count) {
  await client.query(jobs, [count]);
  await client.query('VACUUM ANALYZE jobs');
}

/** The first of those runs, with neither attempts nor logs. */
export async function fillRuns(client, count) {
  const part = 100_000;
  for (let from = 1; from <= count; from += part) await client.query(runs, [from, Math.min(count, from + part - 1)]);
  await client.query('VACUUM ANALYZE runs');
}

/** Fills the empty tables, and lets PostgreSQL look at them. */
export async function fill(client) {
  await fillJobs(client, JOBS);
  await fillRuns(client, RUNS);
  for (const statement of [attempts, logs, audit]) await client.query(statement);
  await client.query('VACUUM ANALYZE runs, run_attempts, run_logs, audit');
}
