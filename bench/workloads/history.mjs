import pg from 'pg';
import { drain } from '../support/drain.mjs';
import { fillRuns, nameOf } from '../support/fill.mjs';
import { listP99 } from '../support/lists.mjs';
import { inRounds } from '../support/rounds.mjs';
import { startServiceWithTasks } from '../support/service.mjs';

export const title = 'history';
export const about =
  'whether claims and lists slow down with a long history: runs a second as in throughput, and lists of runs';

export const key = 'runs/s';
export const reference = 'Cronzimus, 0 runs stored';

export async function run({ postgres, quick }) {
  const sizes = quick ? [0, 50_000] : [0, 1_000_000];
  const runs = quick ? 2_000 : 10_000;
  const variables = { WORKER_CONCURRENCY: '500' };
  const of = (history) => () =>
    postgres.withDatabase(async (url) => {
      const service = await startServiceWithTasks({ DATABASE_URL: url, ...variables });
      try {
        await fill(url, history);
        const p99 = await listP99(service, paths);
        await service.stop();
        return { ...(await drain(url, { runs, variables })), 'list p99 ms': p99 };
      } finally {
        if (service.child.exitCode === null) await service.stop();
      }
    });
  return inRounds(
    1,
    sizes.map((history) => ({
      name: `Cronzimus, ${history} runs stored`,
      settings: 'WORKER_CONCURRENCY=500',
      run: of(history),
    })),
  );
}

async function fill(url, history) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('SET search_path TO cronzimus');
    await fillRuns(client, history);
  } finally {
    await client.end();
  }
}

const paths = [
  '/runs',
  '/runs?state=failed',
  '/runs?job=job-hot',
  '/runs?job=job-hot&state=failed',
  `/runs?job=${nameOf(4711)}`,
  '/runs?kind=manual',
];
