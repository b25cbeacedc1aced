import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import pg from 'pg';
import { createEachSecond } from '../support/jobs.mjs';
import { largest, median } from '../support/numbers.mjs';
import { inRounds } from '../support/rounds.mjs';
import { startServiceWithTasks } from '../support/service.mjs';
import { now } from '../support/starts.mjs';
import { until } from '../support/until.mjs';

export const title = 'fail-over';
export const about =
  'three replicas, 100 occurrences a second of a task that takes 0.2 s; kill -9 of the one with the most attempts under way. Lost: ' +
  'instants without a run that succeeded. Doubled: runs that living replicas brought to an end twice (an occurrence has one run at most). Taken over: from the kill to the ' +
  'next start of each run that it had under way';

export const key = null;
export const reference = null;

const A_SECOND = 100;
const LONGEST_SECONDS = 30;

export async function run({ postgres, quick }) {
  const seconds = quick ? 3 : 6;
  return inRounds(quick ? 1 : 3, [
    {
      name: 'Cronzimus, 3 replicas',
      settings: 'defaults, overlap allow',
      run: () => postgres.withDatabase((url) => measure(url, seconds)),
    },
  ]);
}

async function measure(url, seconds) {
  const database = new pg.Client({ connectionString: url });
  await database.connect();
  const services = [];
  const told = [];
  try {
    while (services.length < 3) {
      const service = await startServiceWithTasks({ DATABASE_URL: url });
      service.child.on('message', (message) => message.run && told.push({ ...message, pid: service.pid }));
      services.push(service);
    }
    await createEachSecond(services[0], A_SECOND, { task: 'work', overlap: 'allow' });
    await setTimeout(seconds * 1000);
    const victim = services.toSorted((a, b) => underWay(told, b.pid).length - underWay(told, a.pid).length)[0];
    const killedAt = now();
    victim.child.kill('SIGKILL');
    await once(victim.child, 'exit');
    const cut = underWay(told, victim.pid);
    await setTimeout(seconds * 1000);
    const pausedAt = await pause(services.find((service) => service !== victim));
    await until('the end of all runs', LONGEST_SECONDS, async () => (await unfinished(database)) === 0);
    return { ...(await judge(database, { killedAt, pausedAt })), ...takeOver(told, cut, { killedAt, victim }) };
  } finally {
    await database.end();
    for (const { child, stop } of services) if (child.exitCode === null && child.signalCode === null) await stop();
  }
}

/** What a process has told the start of, and not the end. */
function underWay(told, pid) {
  const runs = new Set();
  for (const { run, startedAt, pid: by } of told) {
    if (by !== pid) continue;
    if (startedAt) runs.add(run);
    else runs.delete(run);
  }
  return [...runs];
}

async function pause({ url }) {
  const answered = await fetch(`${url}/api/v1/scheduler/pause`, {
    method: 'POST',
    headers: { 'x-cronzimus-request': '1' },
  });
  if (!answered.ok) throw new Error(`the scheduler was not paused: ${answered.status}`);
  return new Date();
}

async function unfinished(database) {
  const { rows } = await database.query(
    `SELECT count(*)::int AS count FROM cronzimus.runs WHERE state IN ('pending', 'running', 'retrying')`,
  );
  return rows[0].count;
}

async function judge(database, { killedAt, pausedAt }) {
  const { rows: lost } = await database.query(expected, [pausedAt]);
  const { rows } = await database.query(
    `SELECT lateness_ms AS lateness, due_at > $1 AS after FROM cronzimus.runs WHERE started_at IS NOT NULL`,
    [new Date(killedAt)],
  );
  const of = (after) => rows.filter((row) => row.after === after).map(({ lateness }) => lateness);
  return {
    occurrences: lost[0].all,
    lost: lost[0].lost,
    'late before, p50 ms': median(of(false)),
    'late after, max ms': largest(of(true)),
    'extra lateness ms': largest(of(true)) - median(of(false)),
  };
}

// Of each job, from its first instant that has a run to half a second before the pause.
const expected = `
  SELECT count(*)::int AS all, count(*) FILTER (WHERE NOT EXISTS (SELECT FROM cronzimus.runs
    WHERE runs.job_id = first.job_id AND runs.scheduled_at = at AND state = 'succeeded'))::int AS lost
  FROM (SELECT job_id, min(scheduled_at) AS since FROM cronzimus.runs GROUP BY job_id) AS first,
    generate_series(since, $1::timestamptz - interval '500 ms', interval '1 second') AS at`;

/** A handler may end and its process die before that is written: the run is then started again, as `rerun` promises. */
function takeOver(told, cut, { killedAt, victim }) {
  const ends = told.filter(({ endedAt }) => endedAt);
  const before = new Set(ends.filter(({ pid }) => pid === victim.pid).map(({ run }) => run));
  const living = ends.filter(({ pid }) => pid !== victim.pid).map(({ run }) => run);
  const again = cut.map((run) => told.find((other) => other.run === run && other.startedAt > killedAt)?.startedAt);
  const after = again.filter(Boolean).map((startedAt) => startedAt - killedAt);
  return {
    doubled: living.length - new Set(living).size,
    'ended, unwritten': living.filter((run) => before.has(run)).length,
    'under way': cut.length,
    'taken over': after.length,
    'taken over, median ms': median(after),
    'taken over, last ms': largest(after),
  };
}
