import { ask } from '../support/ask.mjs';
import { inRounds } from '../support/rounds.mjs';
import { drain } from '../support/drain.mjs';
import { until } from '../support/until.mjs';
import { startPeer } from '../peers/start.mjs';
import { peers } from '../peers/list.mjs';

export const title = 'throughput';
export const about =
  'no-op runs a second. Cronzimus: from the instant that all are due to the last run settled, so dispatching, the history of ' +
  'each run and its end are in it. Peers: from work() to the start of the last handler, with all enqueued before';

export const key = 'runs/s';
export const reference = 'Cronzimus';

/** The one that a target names, so that it gets all rounds. */
const COMPARED = 'graphile-worker';
const LONGEST_SECONDS = 120;

export async function run({ postgres, redis, quick }) {
  const runs = quick ? 2_000 : 20_000;
  const ours = (replicas, slots) => () =>
    postgres.withDatabase((url) => drain(url, { runs, replicas, variables: { WORKER_CONCURRENCY: String(slots) } }));
  const ofPeer = (peer) => () =>
    startPeer(peer, { postgres, redis }, async (child) => {
      const jobs = peer.slow ? runs / 4 : runs;
      const enqueued = performance.now();
      await ask(child, 'addAll', jobs, null);
      const began = performance.now();
      await ask(child, 'work');
      await until(`${jobs} starts`, LONGEST_SECONDS, async () => (await ask(child, 'count')) >= jobs);
      const ended = performance.now();
      const perSecond = (from) => (jobs / (ended - from)) * 1000;
      return { 'runs/s': perSecond(began), 'with enqueueing': perSecond(enqueued), jobs };
    });
  return inRounds(quick ? 1 : 3, [
    { name: 'Cronzimus', settings: 'defaults: 50 slots', run: ours(1, 50) },
    ...(quick
      ? []
      : [
          { name: 'Cronzimus, 500 slots', settings: 'WORKER_CONCURRENCY=500', run: ours(1, 500) },
          { name: 'Cronzimus, 3 replicas', settings: 'WORKER_CONCURRENCY=500 each', run: ours(3, 500) },
        ]),
    ...peers({ redis, quick, for: 'throughput' }).map((peer) => ({
      ...peer,
      rounds: peer.slow && peer.name !== COMPARED ? 1 : undefined,
      run: ofPeer(peer),
    })),
  ]);
}
