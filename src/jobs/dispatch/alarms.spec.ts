import { jest } from '@jest/globals';
import { SchedulerRegistry } from '@nestjs/schedule';
import { Alarms } from './alarms.js';
import { DatabaseClock } from './database-clock.js';
import { JobFactory } from './job.factory.js';

const NOON = new Date('2026-06-01T12:00:00.000Z');
const EARLIER = new Date(NOON.getTime() - 1_000);
const LATER = new Date(NOON.getTime() + 1_000);

let registry: SchedulerRegistry;
let alarms: Alarms;
let rings: number;

beforeEach(() => {
  jest.useFakeTimers({ now: EARLIER });
  const clock = new DatabaseClock();
  registry = new SchedulerRegistry();
  alarms = new Alarms(registry, new JobFactory(clock), clock);
  rings = 0;
});
afterEach(() => {
  alarms.clear();
  jest.useRealTimers();
});

const given = (nextRunAt: Date, ...names: string[]) => {
  for (const name of names) alarms.set({ name, nextRunAt }, () => (rings += 1));
};
const timers = () => [...registry.getCronJobs().values()].filter(({ isActive }) => isActive).length;

describe('the alarms of one instant', () => {
  it('are all in the registry, share one timer, and fire together', () => {
    given(NOON, 'a', 'b', 'c');
    expect([...registry.getCronJobs().keys()]).toEqual(['a', 'b', 'c']);
    expect(timers()).toBe(1);
    jest.advanceTimersByTime(1_000);
    expect(rings).toBe(1);
    expect(alarms.firedUpTo(NOON)).toEqual(['a', 'b', 'c']);
  });

  it('still fire when the one that has the timer is removed or moved', () => {
    given(NOON, 'a', 'b', 'c');
    alarms.remove('a');
    given(LATER, 'b');
    jest.advanceTimersByTime(1_000);
    expect(alarms.firedUpTo(LATER)).toEqual(['c']);
    jest.advanceTimersByTime(1_000);
    expect(alarms.firedUpTo(LATER)).toEqual(['c', 'b']);
    expect(rings).toBe(2);
  });

  it('leave no timer when the last one is removed', () => {
    given(NOON, 'a', 'b');
    alarms.remove('b');
    alarms.remove('a');
    expect(jest.getTimerCount()).toBe(0);
    expect(registry.getCronJobs().size).toBe(0);
  });

  it('get a timer again when one is set for the same instant after they fired', () => {
    given(NOON, 'a', 'b');
    jest.advanceTimersByTime(1_000);
    given(LATER, 'a', 'c');
    expect(alarms.firedUpTo(LATER)).toEqual(['b']);
    jest.advanceTimersByTime(1_000);
    expect(alarms.firedUpTo(LATER)).toEqual(['b', 'a', 'c']);
  });
});

describe('an alarm that has fired', () => {
  it('counts as early until its instant by the database’s clock', () => {
    given(NOON, 'a');
    jest.advanceTimersByTime(1_000);
    const before = new Date(NOON.getTime() - 1);
    expect(alarms.firedUpTo(before)).toEqual([]);
    expect(alarms.hasFiredEarly(before)).toBe(true);
    expect(alarms.hasFiredEarly(NOON)).toBe(false);
  });
});
