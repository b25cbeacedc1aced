import { DatabaseClock } from './database-clock.js';

/** Takes a reading of a clock that is `ahead` of performance.now(), in a reply that took `backMs` to arrive. */
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
  it('is the clock of this machine before the first reading', () => {
    expect(new DatabaseClock().offsetMs).toBeCloseTo(0, -1);
  });

  it('is as exact as a reply is fast, and a slow reply does not make it worse', () => {
    const clock = new DatabaseClock();
    learn(clock, AHEAD, 0.3);
    expect(Math.abs(errorOf(clock))).toBeLessThan(10);
    learn(clock, AHEAD, 80);
    expect(Math.abs(errorOf(clock))).toBeLessThan(10);
  });

  it('follows a clock that was changed', () => {
    const clock = new DatabaseClock();
    learn(clock, AHEAD - 60_000, 0.1);
    learn(clock, AHEAD, 0.1);
    expect(Math.abs(errorOf(clock))).toBeLessThan(10);
  });
});
