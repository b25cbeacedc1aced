import { BY_CRON_RULE } from '../../core/triggers/clock-change.js';
import { openTrigger, type TriggerDefinition } from '../../core/triggers/trigger.js';
import type { MisfirePolicy } from '../definition/job.entity.js';
import { backlogOf, latestDue } from './misfire.js';

const open = { startAt: null, endAt: null, jitterSeconds: 0 };
const anchor = '2026-06-01T00:00:00.000Z';
const every = (everySeconds: number, more = {}): TriggerDefinition => {
  const grid: TriggerDefinition = { type: 'interval', everySeconds, anchor, ...open };
  return { ...grid, ...more };
};
const opened = (trigger: TriggerDefinition) => openTrigger({ trigger, clockChange: BY_CRON_RULE }, 'job');
const at = (time: string) => new Date(`2026-06-01T${time}Z`);
const minutely = opened(every(60));

const range = (given?: [string, string, number]) =>
  given ? { from: at(given[0]), to: at(given[1]), count: given[2] } : null;

interface Case {
  first: string;
  now: string;
  misfire?: Partial<MisfirePolicy>;
  onTime?: string[];
  catchUp?: string[];
  missed?: [from: string, to: string, count: number];
  surplus?: [from: string, to: string, count: number];
  last: string;
}

describe('backlogOf', () => {
  it.each<[string, Case]>([
    ['one occurrence on time', { first: '12:00', now: '12:00:00.005', onTime: ['12:00'], last: '12:00' }],
    [
      'several within the grace period run one by one',
      {
        first: '12:00',
        now: '12:02:10',
        misfire: { graceSeconds: 150 },
        onTime: ['12:00', '12:01', '12:02'],
        last: '12:02',
      },
    ],
    [
      'late by exactly the grace period is still on time',
      { first: '12:02', now: '12:03', onTime: ['12:02', '12:03'], last: '12:03' },
    ],
    [
      'skip: occurrences older than the grace period are missed',
      {
        first: '12:00',
        now: '12:02:30',
        misfire: { policy: 'skip', graceSeconds: 5 },
        missed: ['12:00', '12:02', 3],
        last: '12:02',
      },
    ],
    [
      'once: the latest catches up, the others are missed',
      {
        first: '12:00',
        now: '12:02:30',
        misfire: { graceSeconds: 5 },
        catchUp: ['12:02'],
        missed: ['12:00', '12:01', 2],
        last: '12:02',
      },
    ],
    [
      'once: a single late one catches up, and nothing is missed',
      { first: '12:02', now: '12:02:30', misfire: { graceSeconds: 5 }, catchUp: ['12:02'], last: '12:02' },
    ],
    [
      'once: nothing catches up where one within the grace runs anyway',
      { first: '12:00', now: '12:02:30', onTime: ['12:02'], missed: ['12:00', '12:01', 2], last: '12:02' },
    ],
    [
      'over maxCatchUp: the latest run, the older ones are missed',
      {
        first: '12:00',
        now: '12:04',
        misfire: { graceSeconds: 3600, maxCatchUp: 2 },
        onTime: ['12:03', '12:04'],
        missed: ['12:00', '12:02', 3],
        last: '12:04',
      },
    ],
    [
      'all: more than maxCatchUp are missed on both sides of the grace period, and none within it is caught up',
      {
        first: '12:00',
        now: '12:09',
        misfire: { policy: 'all', graceSeconds: 240, maxCatchUp: 2 },
        missed: ['12:00', '12:02', 3],
        catchUp: ['12:03', '12:04'],
        surplus: ['12:05', '12:07', 3],
        onTime: ['12:08', '12:09'],
        last: '12:09',
      },
    ],
    [
      'once: missed occurrences on both sides of the grace period are one row',
      {
        first: '12:00',
        now: '12:09',
        misfire: { graceSeconds: 240, maxCatchUp: 2 },
        missed: ['12:00', '12:07', 8],
        onTime: ['12:08', '12:09'],
        last: '12:09',
      },
    ],
  ])('%s', (_case, { first, now, misfire, onTime = [], catchUp = [], missed, surplus, last }) => {
    const policy: MisfirePolicy = { policy: 'once', graceSeconds: 60, maxCatchUp: 100, ...misfire };
    expect(backlogOf(minutely, at(first), at(now), policy)).toEqual({
      onTime: onTime.map(at),
      catchUp: catchUp.map(at),
      missed: range(missed),
      surplus: range(surplus),
      last: at(last),
    });
  });

  it('is null if nothing is due', () => {
    const misfire: MisfirePolicy = { policy: 'once', graceSeconds: 60, maxCatchUp: 100 };
    expect(backlogOf(minutely, at('12:05'), at('12:04:59.999'), misfire)).toBeNull();
  });

  it.each([
    ['exact up to 10,000', 9_999, 10_000],
    ['null above', 10_000, null],
  ])('counts missed occurrences: %s', (_case, seconds, count) => {
    const now = new Date(at('00:00').getTime() + seconds * 1000 + 1);
    const skip: MisfirePolicy = { policy: 'skip', graceSeconds: 0, maxCatchUp: 1 };
    expect(backlogOf(opened(every(1)), at('00:00'), now, skip)?.missed?.count).toBe(count);
  });
});

describe('latestDue', () => {
  it('is the occurrence before, until the jitter of the latest one is over', () => {
    const trigger = opened(every(60, { jitterSeconds: 59 }));
    const delayed = [...Array(60).keys()].map((minute) => {
      const occurrence = new Date(at('12:00').getTime() + minute * 60_000);
      return { occurrence, due: new Date(occurrence.getTime() + trigger.delay(occurrence)) };
    });
    expect(new Set(delayed.map(({ due }) => due.getTime() % 60_000)).size).toBeGreaterThan(30);
    for (const { occurrence, due } of delayed) {
      expect(latestDue(trigger, due)).toEqual(occurrence);
      expect(latestDue(trigger, new Date(due.getTime() - 1))).toEqual(new Date(occurrence.getTime() - 60_000));
    }
  });

  it.each([
    ['a past date', { type: 'date', at: '2026-06-01T09:00:00.000Z' }, '09:00'],
    ['an interval that has ended', every(60, { endAt: '2026-06-01T10:00:30.000Z' }), '10:00'],
  ] as [string, TriggerDefinition, string][])('of %s is its last occurrence', (_case, definition, expected) => {
    expect(latestDue(opened(definition), at('12:00'))).toEqual(at(expected));
  });
});
