import { Fleet } from './fleet.js';
import { Proxy } from './proxy.js';
import { StreamingPair } from './streaming-pair.js';

/** After this time, the standby is promoted and the address of the database leads to it. */
const MOVED_AFTER_MS = 8_000;

let fleet: Fleet;
let pair: StreamingPair;
let address: Proxy;
beforeEach(async () => {
  pair = await StreamingPair.start({ synchronous: true });
  address = await Proxy.to(pair.primary.url);
  fleet = await Fleet.open(address.url);
  await fleet.start({ jobs: 60, everyMs: 2_000, seconds: 40, holdMs: [300, 3_000] });
  await fleet.untilBegun(3_000);
});
afterEach(async () => {
  await fleet.close();
  await address.close();
  await pair.stop();
});

/** Returns when it has happened. */
async function moveAddress(): Promise<number> {
  await fleet.pause(MOVED_AFTER_MS);
  await pair.promote();
  address.moveTo(pair.standby.url);
  return Date.now();
}

/** From `since` until each replica has started a run, in milliseconds. */
async function untilAllGoOn(since: number): Promise<number> {
  const pids = fleet.replicas.map(({ pid }) => pid);
  const first = `SELECT pid, extract(epoch FROM min(at)) * 1000 - ${since} AS after FROM public.effects
    WHERE phase = 'start' AND at > to_timestamp(${since / 1000}) GROUP BY pid`;
  const deadline = Date.now() + 60_000;
  for (;;) {
    const starts = await fleet.query(first);
    if (starts.length === pids.length) return Math.max(...starts.map(({ after }) => Math.round(Number(after))));
    if (Date.now() > deadline) throw new Error(`only ${starts.length} of ${pids.length} replicas go on`);
    await fleet.pause(100);
  }
}

describe('a fail-over to a synchronous standby, after the primary', () => {
  it('was killed', async () => {
    await pair.primary.kill();
    const movedAt = await moveAddress();
    const goesOnAfterMs = await untilAllGoOn(movedAt);
    await fleet.nothingStuckAfterAMinute(movedAt);
    await fleet.judge({ goesOnAfterMs });
  });

  it('vanished without closing its connections', async () => {
    pair.link.vanish();
    address.vanish();
    const movedAt = await moveAddress();
    const goesOnAfterMs = await untilAllGoOn(movedAt);
    await fleet.nothingStuckAfterAMinute(movedAt);
    await fleet.judge({ goesOnAfterMs });
    expect(goesOnAfterMs).toBeLessThan(30_000);
  });
});
