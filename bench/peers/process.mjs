// One peer: node process.mjs <module> <URL>. It enqueues and works in one process, as Cronzimus schedules and works in one.
import { setTimeout } from 'node:timers/promises';
import { answer } from '../support/ask.mjs';
import { now, started, starts } from '../support/starts.mjs';

const [module, url] = process.argv.slice(2);
const { open } = await import(module);
let peer;

answer({
  ...starts,
  open: async () => void (peer = await open(url)),
  work: async () => void (await peer.work(({ due }) => started(due))),
  /** Enqueues one each `everyMs`, at fixed instants, whether or not those before are through. */
  addEach: async (everyMs, seconds) => {
    const begun = now();
    const added = [];
    for (let n = 0; n * everyMs < seconds * 1000; n++) {
      await setTimeout(Math.max(0, begun + n * everyMs - now()));
      added.push(peer.add({ due: now() }));
    }
    await Promise.all(added);
  },
  /** Enqueues many that are due then; null: at once. */
  addAll: async (count, due) => {
    const all = Array.from({ length: count }, () => ({ due: due ?? now() }));
    for (let from = 0; from < count; from += 1_000) await peer.addAll(all.slice(from, from + 1_000), due);
    if (due !== null && now() > due - 500) throw new Error('enqueueing took longer than until they were due');
  },
});
