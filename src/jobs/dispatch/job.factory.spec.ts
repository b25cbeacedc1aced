import { DatabaseClock } from './database-clock.js';
import { JobFactory } from './job.factory.js';

/** A database clock that is this many milliseconds ahead of the clock of this machine. */
function clockAhead(ms: number): DatabaseClock {
  const clock = new DatabaseClock();
  clock.learn(performance.timeOrigin + performance.now() + ms, performance.now());
  return clock;
}

/** How many milliseconds before its instant an alarm fires. */
const early = (clock: DatabaseClock, nextRunAt: Date) =>
  new Promise<number>((resolve) => {
    new JobFactory(clock).create({ name: 'job', nextRunAt }, () => resolve(clock.until(nextRunAt))).start();
  });

describe('JobFactory', () => {
  it('makes alarms that all fire without an error, also if the instant has just passed', async () => {
    const clock = clockAhead(0);
    const due = Array.from({ length: 20_000 }, (_, index) => new Date(Date.now() - 20 + (index % 400)));
    const all = await Promise.all(due.map((nextRunAt) => early(clock, nextRunAt)));
    expect(all).toHaveLength(20_000);
  });

  // Node's timers count whole milliseconds of their own clock.
  it.each([0, 0.2, 0.4, 0.6, 0.8])(
    'makes no alarm that fires before its instant, with clocks %f ms apart',
    async (ms) => {
      const clock = clockAhead(ms);
      const all: number[] = [];
      while (all.length < 40) all.push(await early(clock, new Date(Date.now() + 5)));
      expect(Math.max(...all)).toBeLessThanOrEqual(0);
    },
  );
});
