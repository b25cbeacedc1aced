import { setTimeout } from 'node:timers/promises';
import { ask } from '../support/ask.mjs';
import { createEachSecond } from '../support/jobs.mjs';
import { largest, quantile } from '../support/numbers.mjs';
import { inRounds } from '../support/rounds.mjs';
import { startServiceWithTasks } from '../support/service.mjs';
import { startPeer } from '../peers/start.mjs';
import { peers } from '../peers/list.mjs';

export const title = 'lateness';
export const about =
  '100 occurrences a second, one each 10 ms: due (peers: about to be enqueued) → handler starts; and 7 a second, where no other ' +
  'occurrence wakes the process up for one';

export const key = 'p50 ms';
export const reference = 'Cronzimus';

const A_SECOND = 100;
const FEW = 7;
/** The one that ours is to be compared with; the others get less time. */
const COMPARED = 'graphile-worker';

export async function run({ postgres, redis, quick }) {
  const warmUpSeconds = quick ? 1 : 3;
  const seconds = quick ? 2 : 20;
  const ours = (aSecond) => () =>
    postgres.withDatabase(async (url) => {
      const service = await startServiceWithTasks({ DATABASE_URL: url });
      try {
        await createEachSecond(service, aSecond, { task: 'noop', overlap: 'allow' });
        await setTimeout(warmUpSeconds * 1000);
        const before = await ask(service.child, 'count');
        await setTimeout(seconds * 1000);
        return figures((await ask(service.child, 'lateness')).slice(before));
      } finally {
        await service.stop();
      }
    });
  const ofPeer = (peer) => () =>
    startPeer(peer, { postgres, redis }, async (child) => {
      await ask(child, 'work');
      await ask(child, 'addEach', 1000 / A_SECOND, warmUpSeconds);
      const before = await ask(child, 'count');
      await ask(child, 'addEach', 1000 / A_SECOND, peer.name === COMPARED ? seconds : Math.min(seconds, 10));
      await setTimeout(500);
      return figures((await ask(child, 'lateness')).slice(before));
    });
  return inRounds(quick ? 1 : 3, [
    { name: 'Cronzimus', settings: 'defaults', run: ours(A_SECOND) },
    ...(quick ? [] : [{ name: 'Cronzimus, 7 a second', settings: 'defaults', run: ours(FEW) }]),
    ...peers({ redis, quick, for: 'lateness' }).map((peer) => ({
      ...peer,
      rounds: peer.name === COMPARED ? undefined : 1,
      run: ofPeer(peer),
    })),
  ]);
}

const figures = (lateness) => ({
  'p50 ms': quantile(lateness, 0.5),
  'p99 ms': quantile(lateness, 0.99),
  'max ms': largest(lateness),
  starts: lateness.length,
});
