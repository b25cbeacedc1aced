import { setTimeout } from 'node:timers/promises';
import pg from 'pg';
import { channelOf } from '../../dist/replicas/notify.js';

/** Jobs that run once, all due at the same instant. Rows as the API writes them, since it takes half a millisecond for each. */
const burst = `
  INSERT INTO cronzimus.jobs (id, name, description, task, input, trigger, paused, declared_paused, priority, tags,
    timeout_seconds, retry, on_interruption, misfire, overlap, source, version, next_occurrence_at, next_run_at, created_at, updated_at)
  SELECT gen_random_uuid(), format('burst-%s-%s', extract(epoch FROM $2::timestamptz), n), '', 'noop', '{}',
    jsonb_build_object('type', 'date', 'at', $3::text), false, false, 0, '{}', 300,
    '{"limit": 0, "delaySeconds": 5, "backoff": "exponential", "maxDelaySeconds": 3600}', 'rerun',
    '{"policy": "once", "graceSeconds": 60, "maxCatchUp": 100}', 'skip', 'api', 1, $2, $2, now(), now()
  FROM generate_series(1, $1::int) AS n`;

/** Creates jobs that are due together, and answers when. */
export async function createBurst(databaseUrl, count) {
  const at = new Date(Date.now() + leadMs(count));
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query(burst, [count, at, at.toISOString()]);
    await client.query('SELECT pg_notify($1, $2)', [channelOf('cronzimus'), 'jobs']);
  } finally {
    await client.end();
  }
  if (Date.now() > at.getTime() - 500) throw new Error('creating the jobs took longer than until they were due');
  // Nobody asks the service while its alarms ring.
  await setTimeout(at.getTime() - Date.now());
  return at.getTime();
}

/** From the creation of so many to the instant that they are due: long enough for all to be there. */
export const leadMs = (count) => 2_000 + count * 0.3;

/** Creates, over the API, jobs that run each second, their instants spread over it. */
export async function createEachSecond(service, count, fields, key) {
  const anchor = Math.ceil(Date.now() / 1000) * 1000;
  const each = (n) => ({
    ...fields,
    input: {},
    trigger: { type: 'interval', everySeconds: 1, anchor: new Date(anchor + (n * 1000) / count).toISOString() },
  });
  const jobs = Object.fromEntries(Array.from({ length: count }, (_, n) => [`each-second-${n}`, each(n)]));
  const answered = await fetch(`${service.url}/api/v1/jobs-file`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(key && { authorization: `Bearer ${key}` }) },
    body: JSON.stringify({ jobs }),
  });
  if (!answered.ok) throw new Error(`the jobs were refused: ${answered.status} ${await answered.text()}`);
}
