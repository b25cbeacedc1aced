import { randomUUID } from 'node:crypto';
import { eventually } from '../support/eventually.js';
import { Fleet } from './fleet.js';
import { Proxy } from './proxy.js';

let fleet: Fleet;
let proxy: Proxy;
beforeEach(async () => {
  fleet = await Fleet.open();
  proxy = await Proxy.to(fleet.url);
});
afterEach(async () => {
  await fleet.close();
  await proxy.close();
});

/** Sends the request until it gets a response that is not a 5xx. */
async function insist(url: string, init: RequestInit): Promise<Response> {
  for (;;) {
    const response = await fetch(url, init);
    if (response.status < 500) return response;
    await response.body?.cancel();
    await fleet.pause(20);
  }
}

describe('commits that are cut after they were sent', () => {
  it.each<['effect' | 'book', string]>([
    ['effect', 'dispatches, claims, settlements and writes of the API'],
    ['book', 'transactional tasks'],
  ])('%s: %s', async (task) => {
    const variables = { DATABASE_URL: proxy.url, WORKER_CONCURRENCY: '8' };
    await fleet.start({ jobs: 60, everyMs: 2_000, seconds: 12, holdMs: [20, 400], task }, [
      variables,
      variables,
      variables,
    ]);
    await fleet.untilBegun(500);
    proxy.loseCommits(() => fleet.random() < 0.2);
    const keys = Array.from({ length: 40 }, () => randomUUID());
    const ids = await Promise.all(
      keys.map(async (key, index) => {
        const { address } = fleet.replicas[index % fleet.replicas.length]!;
        const response = await insist(`${address}/api/v1/jobs/job-${index}/run`, {
          method: 'POST',
          headers: { 'X-Cronzimus-Request': '1', 'Idempotency-Key': key },
        });
        return ((await response.json()) as { id: string }).id;
      }),
    );
    while (Date.now() < fleet.until - 1_000) await fleet.pause(200);
    proxy.loseCommits(() => false);
    const { lostCommits } = proxy;
    expect(lostCommits).toBeGreaterThan(20);
    const byHand = await eventually(async () => {
      const runs = await fleet.query(
        `SELECT id, state, reason, error FROM cronzimus.runs WHERE kind = 'manual' ORDER BY id`,
      );
      expect(runs.filter(({ state }) => state !== 'succeeded')).toEqual([]);
      return runs;
    });
    expect(byHand.map(({ id }) => id)).toEqual(ids.toSorted());
    // The checker knows the planned runs only.
    await fleet.query(
      `DELETE FROM public.effects USING cronzimus.runs WHERE runs.id = effects.run AND kind = 'manual'`,
    );
    await fleet.judge({ lostCommits });
  });
});
