import { DatabaseClock } from './database-clock.js';

/** Learns a reading of a clock that is `ahead` of performance.now(), whose answer has taken `backMs` from there to here. */
function learn(clock: DatabaseClock, ahead: number, backMs: number): void {
  const read = performance.now() - backMs;
  clock.learn(read + ahead, read - 0.1);
}

const AHEAD = 5_000_000;
const errorOf = (clock: DatabaseClock) => {
  const real = performance.now();
  return -clock.until(new Date(0)) - (real + AHEAD);
};

describe('DatabaseClock', () => {
  it('is the clock of this machine until it has been told', () => {
    expect(new DatabaseClock().offsetMs).toBeCloseTo(0, -1);
  });

  it('is exact to the time that an answer takes, and one that comes late makes it no worse', () => {
    const clock = new DatabaseClock();
    learn(clock, AHEAD, 0.3);
    expect(Math.abs(errorOf(clock))).toBeLessThan(10);
    learn(clock, AHEAD, 80);
    expect(Math.abs(errorOf(clock))).toBeLessThan(10);
  });

  it('follows a clock that was set', () => {
    const clock = new DatabaseClock();
    learn(clock, AHEAD - 60_000, 0.1);
    learn(clock, AHEAD, 0.1);
    expect(Math.abs(errorOf(clock))).toBeLessThan(10);
  });
});
