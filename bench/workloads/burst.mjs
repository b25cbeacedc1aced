import { ask } from '../support/ask.mjs';
import { createBurst, leadMs } from '../support/jobs.mjs';
import { largest, quantile } from '../support/numbers.mjs';
import { inRounds } from '../support/rounds.mjs';
import { startServiceWithTasks } from '../support/service.mjs';
import { until } from '../support/until.mjs';
import { startPeer } from '../peers/start.mjs';
import { peers } from '../peers/list.mjs';

export const title = 'burst';
export const about = 'jobs due at one instant: from there to the start of the first and of the last handler';

export const key = 'last ms';
export const reference = 'Cronzimus';

const LONGEST_SECONDS = 120;

export async function run({ postgres, redis, quick }) {
  const jobs = quick ? 1_000 : 10_000;
  const ours = (variables) => () =>
    postgres.withDatabase(async (url) => {
      const service = await startServiceWithTasks({ DATABASE_URL: url, ...variables });
      try {
        await createBurst(url, jobs);
        return await figures(service.child, jobs);
      } finally {
        await service.stop();
      }
    });
  const ofPeer = (peer) => () =>
    startPeer(peer, { postgres, redis }, async (child) => {
      await ask(child, 'work');
      await ask(child, 'addAll', jobs, Date.now() + leadMs(jobs));
      return figures(child, jobs);
    });
  return inRounds(quick ? 1 : 3, [
    { name: 'Cronzimus', settings: 'defaults: 50 slots', run: ours({}) },
    ...(quick
      ? []
      : [
          {
            name: 'Cronzimus, 500 slots',
            settings: 'WORKER_CONCURRENCY=500',
            rounds: 1,
            run: ours({ WORKER_CONCURRENCY: '500' }),
          },
        ]),
    ...peers({ redis, quick, for: 'burst' }).map((peer) => ({
      ...peer,
      rounds: peer.slow ? 1 : undefined,
      run: ofPeer(peer),
    })),
  ]);
}

async function figures(child, jobs) {
  await until(`${jobs} starts`, LONGEST_SECONDS, async () => (await ask(child, 'count')) >= jobs);
  const lateness = await ask(child, 'lateness');
  return { 'first ms': quantile(lateness, 0), 'last ms': largest(lateness), jobs: lateness.length };
}
