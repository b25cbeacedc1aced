import { setTimeout } from 'node:timers/promises';
import pg from 'pg';
import { MAX_ALARMS } from '../../dist/jobs/dispatch/alarms.js';
import { ask } from '../support/ask.mjs';
import { fillJobs, nameOf } from '../support/fill.mjs';
import { listP99 } from '../support/lists.mjs';
import { inRounds } from '../support/rounds.mjs';
import { startServiceWithTasks } from '../support/service.mjs';
import { countStatements, statementsSoFar } from '../support/statements.mjs';
import { until } from '../support/until.mjs';
import { usageOf } from '../support/usage.mjs';

export const title = 'scale';
export const about =
  'one replica with jobs of which none is due: from its start (of Node) on a database that is migrated to ready, to all alarms set (at most 10,000), ' +
  'the longest stall of its event loop, then its rest: memory, processor, statements (pg_stat_statements, BEGIN and COMMIT ' +
  'count), and lists of jobs';

export const key = 'alarms ms';
export const reference = 'Cronzimus, 10 jobs';

const LONGEST_SECONDS = 120;
const MINUTE = 60;

export async function run({ postgres, quick }) {
  const sizes = quick ? [10] : [10, 1_000, 10_000, 100_000];
  const idleSeconds = quick ? 4 : 15;
  // Until V8 has collected what the start left.
  const restSeconds = quick ? 3 : 20;
  const of = (jobs) => () =>
    postgres.withDatabase((url, name) => measure(postgres, { url, name, jobs, restSeconds, idleSeconds }));
  return inRounds(
    1,
    sizes.map((jobs) => ({ name: `Cronzimus, ${jobs} jobs`, settings: 'defaults', run: of(jobs) })),
  );
}

async function measure(postgres, { url, name, jobs, restSeconds, idleSeconds }) {
  await migrated(url, jobs);
  await countStatements(postgres, name);
  const begun = performance.now();
  const service = await startServiceWithTasks({ DATABASE_URL: url });
  try {
    await until('readiness', LONGEST_SECONDS, async () => (await fetch(`${service.url}/health/ready`)).ok);
    const readyMs = performance.now() - begun;
    const alarms = Math.min(MAX_ALARMS, await activeJobs(url));
    await until('all alarms', LONGEST_SECONDS, async () => (await ask(service.child, 'alarms')) === alarms);
    const alarmsMs = performance.now() - begun;
    const worstStallMs = await ask(service.child, 'worstStallMs');
    await setTimeout(restSeconds * 1000);
    return {
      'ready ms': readyMs,
      'alarms ms': alarmsMs,
      'stall ms': worstStallMs,
      ...(await atRest(postgres, service, { name, idleSeconds })),
      'list p99 ms': await listP99(service, paths(jobs)),
    };
  } finally {
    await service.stop();
  }
}

/** A first start migrates; what is measured is the next one. */
async function migrated(url, jobs) {
  await (await startServiceWithTasks({ DATABASE_URL: url })).stop();
  await withClient(url, (client) => fillJobs(client, jobs));
}

async function atRest(postgres, { pid }, { name, idleSeconds }) {
  const [usage, statements] = [await usageOf(pid), await statementsSoFar(postgres, name)];
  await setTimeout(idleSeconds * 1000);
  const [later, asked] = [await usageOf(pid), await statementsSoFar(postgres, name)];
  return {
    'resident MB': later.residentMb,
    'idle CPU %': ((later.cpuSeconds - usage.cpuSeconds) / idleSeconds) * 100,
    'statements/min': ((asked - statements) / idleSeconds) * MINUTE,
  };
}

const activeJobs = (url) =>
  withClient(url, async (client) => {
    const { rows } = await client.query(
      'SELECT count(*)::int AS count FROM jobs WHERE NOT paused AND next_run_at IS NOT NULL',
    );
    return rows[0].count;
  });

async function withClient(url, use) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('SET search_path TO cronzimus');
    return await use(client);
  } finally {
    await client.end();
  }
}

const paths = (jobs) => [
  '/jobs',
  '/jobs?sort=nextRunAt',
  '/jobs?sort=-updatedAt',
  '/jobs?state=active&sort=nextRunAt',
  '/jobs?tag=nightly',
  `/jobs?q=${nameOf(jobs).slice(9)}`,
];
