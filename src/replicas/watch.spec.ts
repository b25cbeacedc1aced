import { Watch } from './watch.js';

const alive = (seenAt: number) => ({ number: 1, seenAt: new Date(seenAt), gone: false });
const gone = { number: 1, seenAt: new Date(0), gone: true };
const silent = alive(0);

/** Polls every 400 ms from `from` to `to`. Returns when the replica was first declared lost, or null. */
function lostAt(watch: Watch, sighting: (now: number) => typeof gone, from: number, to: number): number | null {
  for (let now = from; now <= to; now += 400) if (watch.observe([sighting(now)], now).length > 0) return now;
  return null;
}

describe('Watch', () => {
  it('declares a replica lost that is gone in two polls in a row', () => {
    expect(lostAt(new Watch(), () => gone, 0, 5_000)).toBe(400);
  });

  it('declares a replica lost that holds its lock and writes no heartbeat for ten seconds', () => {
    expect(lostAt(new Watch(), () => silent, 0, 20_000)).toBe(10_400);
  });

  it('declares no replica lost that writes heartbeats', () => {
    expect(lostAt(new Watch(), (now) => alive(now - (now % 2_000)), 0, 60_000)).toBeNull();
  });

  it('declares no replica lost that was gone in one poll, during a reconnect', () => {
    const watch = new Watch();
    watch.observe([gone], 0);
    expect(lostAt(watch, (now) => alive(now), 400, 5_000)).toBeNull();
  });

  it('declares no replica lost that was gone twice, with a heartbeat in between', () => {
    const watch = new Watch();
    expect(lostAt(watch, (now) => ({ ...gone, seenAt: new Date(now) }), 0, 20_000)).toBeNull();
  });

  it('ignores what it saw before its own session was lost, since others lose theirs too', () => {
    const watch = new Watch();
    expect(lostAt(watch, alive, 0, 4_000)).toBeNull();
    watch.observe([gone], 4_100);
    watch.interrupt(4_200);
    expect(lostAt(watch, () => gone, 4_500, 14_000)).toBeNull();
    expect(lostAt(watch, () => gone, 14_400, 20_000)).not.toBeNull();
  });

  it('starts again after an interruption: others have ten seconds to come back too', () => {
    const watch = new Watch();
    expect(lostAt(watch, alive, 0, 4_000)).toBeNull();
    expect(lostAt(watch, () => gone, 19_000, 28_900)).toBeNull();
    expect(lostAt(watch, () => gone, 29_200, 40_000)).not.toBeNull();
  });
});
