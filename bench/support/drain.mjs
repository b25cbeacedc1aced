import pg from 'pg';
import { ask } from './ask.mjs';
import { createBurst } from './jobs.mjs';
import { startServiceWithTasks } from './service.mjs';
import { until } from './until.mjs';

const LONGEST_SECONDS = 120;

/** Runs a second from the instant that all are due to the last one settled, with the history of each. */
export async function drain(url, { runs, replicas = 1, variables }) {
  const services = [];
  const database = new pg.Client({ connectionString: url });
  await database.connect();
  try {
    while (services.length < replicas) services.push(await startServiceWithTasks({ DATABASE_URL: url, ...variables }));
    const at = await createBurst(url, runs);
    const succeeded = async () => {
      const { rows } = await database.query(
        `SELECT count(*)::int AS count, extract(epoch FROM max(finished_at)) * 1000 AS last FROM cronzimus.runs
         WHERE scheduled_at = $1 AND state = 'succeeded'`,
        [new Date(at)],
      );
      return rows[0].count === runs && Number(rows[0].last);
    };
    // Not while they run: the looks would slow them down.
    await until('as many starts', LONGEST_SECONDS, async () => (await countOf(services)) >= runs);
    const last = await until('the end of all runs', LONGEST_SECONDS, succeeded);
    const perSecond = (runs / (last - at)) * 1000;
    return { 'runs/s': perSecond, 'with enqueueing': perSecond, jobs: runs };
  } finally {
    await database.end();
    for (const service of services) await service.stop();
  }
}

async function countOf(services) {
  const counts = await Promise.all(services.map(({ child }) => ask(child, 'count')));
  return counts.reduce((sum, count) => sum + count, 0);
}
