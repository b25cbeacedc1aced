import { DatabaseClock } from './database-clock.js';
import { JobFactory } from './job.factory.js';

/** A clock that is so many milliseconds ahead of the one of this machine. */
function clockAhead(ms: number): DatabaseClock {
  const clock = new DatabaseClock();
  clock.learn(performance.timeOrigin + performance.now() + ms, performance.now());
  return clock;
}

/** How long before its instant an alarm rings, in milliseconds. */
const early = (clock: DatabaseClock, nextRunAt: Date) =>
  new Promise<number>((resolve) => {
    new JobFactory(clock).create({ name: 'job', nextRunAt }, () => resolve(clock.until(nextRunAt))).start();
  });

describe('JobFactory', () => {
  it('makes alarms that all ring, and none throws, also where the instant is just past', async () => {
    const clock = clockAhead(0);
    const due = Array.from({ length: 20_000 }, (_, index) => new Date(Date.now() - 20 + (index % 400)));
    const all = await Promise.all(due.map((nextRunAt) => early(clock, nextRunAt)));
    expect(all).toHaveLength(20_000);
  });

  // Node's timers count whole milliseconds of a clock of their own.
  it.each([0, 0.2, 0.4, 0.6, 0.8])('makes none that rings before its instant, %f ms beside', async (ms) => {
    const clock = clockAhead(ms);
    const all: number[] = [];
    while (all.length < 40) all.push(await early(clock, new Date(Date.now() + 5)));
    expect(Math.max(...all)).toBeLessThanOrEqual(0);
  });
});
