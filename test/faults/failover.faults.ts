import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { Fleet } from './fleet.js';
import { Proxy } from './proxy.js';
import { StreamingPair } from './streaming-pair.js';

/** After this time, the standby is promoted and the address of the database leads to it. */
const MOVED_AFTER_MS = 8_000;

let fleet: Fleet;
let pair: StreamingPair;
let address: Proxy;
let elsewhere: TestDatabase;
beforeAll(async () => {
  elsewhere = await createTestDatabase();
});
afterEach(async () => {
  await fleet.close();
  await address.close();
  await pair.stop();
});
afterAll(() => elsewhere.drop());

async function givenFleet(synchronous: boolean, effectsUrl?: string): Promise<void> {
  pair = await StreamingPair.start({ synchronous });
  address = await Proxy.to(pair.primary.url);
  fleet = await Fleet.open(address.url, effectsUrl);
  await fleet.start({ jobs: 60, everyMs: 2_000, seconds: 40, holdMs: [300, 3_000] });
  await fleet.untilBegun(3_000);
}

const losses = () =>
  fleet.query(`SELECT (extract(epoch FROM from_at) * 1000)::float8 AS "fromMs", runs_missing AS missing, attempts_undone AS undone,
    (extract(epoch FROM until_at) * 1000)::float8 AS "untilMs" FROM cronzimus.data_losses`);

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
    await givenFleet(true);
    await pair.primary.kill();
    const movedAt = await moveAddress();
    const goesOnAfterMs = await untilAllGoOn(movedAt);
    await fleet.nothingStuckAfterAMinute(movedAt);
    await fleet.judge({ goesOnAfterMs });
    expect(await losses()).toEqual([]);
  });

  it('vanished without closing its connections', async () => {
    await givenFleet(true);
    pair.link.vanish();
    address.vanish();
    const movedAt = await moveAddress();
    const goesOnAfterMs = await untilAllGoOn(movedAt);
    await fleet.nothingStuckAfterAMinute(movedAt);
    await fleet.judge({ goesOnAfterMs });
    expect(await losses()).toEqual([]);
    expect(goesOnAfterMs).toBeLessThan(30_000);
  });
});

describe('a fail-over to an asynchronous standby', () => {
  it('that is 4 s behind: the loss is noticed, and nothing outside of it is affected', async () => {
    // On another server, so that they outlive the loss.
    await givenFleet(false, elsewhere.url);
    const behindSince = Date.now();
    pair.link.refuse();
    await fleet.pause(4_000);
    const killedAt = Date.now();
    await pair.primary.kill();
    const movedAt = await moveAddress();
    await fleet.nothingStuckAfterAMinute(movedAt);
    const found = await eventually(async () => {
      const [loss, ...others] = await losses();
      expect(others).toEqual([]);
      expect(loss).toBeDefined();
      return loss as { fromMs: number; untilMs: number; missing: number; undone: number };
    });
    const { fromMs, untilMs, missing, undone } = found;
    await fleet.judge({ beforeMs: behindSince - fromMs, afterMs: untilMs - killedAt, missing, undone }, found);
    expect(fromMs).toBeLessThanOrEqual(behindSince);
    expect(untilMs).toBeGreaterThanOrEqual(killedAt);
    expect(missing).toBeGreaterThan(0);
    expect(await losses()).toHaveLength(1);
  });
});
