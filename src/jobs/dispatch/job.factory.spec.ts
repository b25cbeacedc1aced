import { jest } from '@jest/globals';
import { DatabaseClock } from './database-clock.js';
import { JobFactory } from './job.factory.js';

const NOON = new Date('2026-06-01T12:00:00.000Z');

/** A database clock that stands still, at so many milliseconds after noon. */
class StoppedClock extends DatabaseClock {
  constructor(private readonly afterNoonMs: number) {
    super();
  }
  override until(instant: Date): number {
    return instant.getTime() - NOON.getTime() - this.afterNoonMs;
  }
}

describe('JobFactory', () => {
  beforeEach(() => jest.useFakeTimers({ now: NOON }));
  afterEach(() => jest.useRealTimers());

  it.each([
    ['a whole millisecond before', -1, 1],
    ['a fraction more than a millisecond before: rounded up', -1.1, 2],
    ['a fraction of a millisecond before: rounded up', -0.001, 1],
    ['at the instant', 0, 0],
    ['after it: at once, and never a negative time', 0.4, 0],
    ['long after it', 60_000, 0],
  ])('sets the timer of an alarm %s', (_case, nowMs, expected) => {
    const alarm = new JobFactory(new StoppedClock(nowMs)).create({ name: 'job', nextRunAt: NOON }, () => {});
    expect(alarm.cronTime.getTimeout()).toBe(expected);
  });

  it('makes alarms that each fire once, and not before their instant, also where the instant has just passed', () => {
    const factory = new JobFactory(new DatabaseClock());
    const instants = Array.from({ length: 2_000 }, (_, index) => new Date(NOON.getTime() - 20 + (index % 400)));
    const lateMs: number[] = [];
    for (const nextRunAt of instants)
      factory.create({ name: 'job', nextRunAt }, () => lateMs.push(Date.now() - nextRunAt.getTime())).start();
    jest.advanceTimersByTime(500);
    expect(lateMs).toHaveLength(instants.length);
    expect(Math.min(...lateMs)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...lateMs)).toBeLessThanOrEqual(21);
    jest.advanceTimersByTime(60_000);
    expect(lateMs).toHaveLength(instants.length);
  });
});
