import { Watch } from './watch.js';

const alive = (seenAt: number) => ({ number: 1, seenAt: new Date(seenAt), free: false });
const gone = { number: 1, seenAt: new Date(0), free: true };
const silent = alive(0);

/** Looks every 400 ms from `from` to `to`; answers when the replica was first taken for lost. */
function lostAt(watch: Watch, sighting: (now: number) => typeof gone, from: number, to: number): number | null {
  for (let now = from; now <= to; now += 400) if (watch.observe([sighting(now)], now).length > 0) return now;
  return null;
}

describe('Watch', () => {
  it('takes a replica for lost whose lock is free at two looks', () => {
    expect(lostAt(new Watch(), () => gone, 0, 5_000)).toBe(400);
  });

  it('takes a replica for lost that holds its lock and gives no sign for ten seconds', () => {
    expect(lostAt(new Watch(), () => silent, 0, 20_000)).toBe(10_400);
  });

  it('takes nobody for lost who gives signs', () => {
    expect(lostAt(new Watch(), (now) => alive(now - (now % 2_000)), 0, 60_000)).toBeNull();
  });

  it('takes nobody for lost who was seen with a free lock once, in a reconnect', () => {
    const watch = new Watch();
    watch.observe([gone], 0);
    expect(lostAt(watch, (now) => alive(now), 400, 5_000)).toBeNull();
  });

  it('takes nobody for lost whose session was lost twice, with a sign of life between', () => {
    const watch = new Watch();
    expect(lostAt(watch, (now) => ({ ...gone, seenAt: new Date(now) }), 0, 20_000)).toBeNull();
  });

  it('counts nothing that was seen before its own session was cut, since others lose theirs with it', () => {
    const watch = new Watch();
    expect(lostAt(watch, alive, 0, 4_000)).toBeNull();
    watch.observe([gone], 4_100);
    watch.interrupt(4_200);
    expect(lostAt(watch, () => gone, 4_500, 14_000)).toBeNull();
    expect(lostAt(watch, () => gone, 14_400, 20_000)).not.toBeNull();
  });

  it('begins anew after an interruption: for ten seconds others may come back as well', () => {
    const watch = new Watch();
    expect(lostAt(watch, alive, 0, 4_000)).toBeNull();
    expect(lostAt(watch, () => gone, 19_000, 28_900)).toBeNull();
    expect(lostAt(watch, () => gone, 29_200, 40_000)).not.toBeNull();
  });
});
