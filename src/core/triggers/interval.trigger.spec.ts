import { BY_CRON_RULE } from './clock-change.js';
import { completeTrigger, openTrigger } from './trigger.js';
import { IntervalOccurrences } from './interval.trigger.js';

const ANCHOR = Date.parse('2026-01-01T00:00:00Z');
const YEAR = 365 * 86_400_000;

describe('an interval', () => {
  it.each([
    ['is strictly after a point of the grid', 30_000, '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:30.000Z'],
    ['is right after an instant just before it', 30_000, '2026-01-01T00:00:29.999Z', '2026-01-01T00:00:30.000Z'],
    ['can be the anchor itself', 30_000, '2025-12-31T23:59:59.999Z', '2026-01-01T00:00:00.000Z'],
    ['can be before the anchor', 30_000, '2025-12-31T23:59:00.000Z', '2025-12-31T23:59:30.000Z'],
    ['can be a tenth of a second away', 100, '2026-01-01T00:00:00.050Z', '2026-01-01T00:00:00.100Z'],
    ['can be ten years away', 315_360_000_000, '2026-01-01T00:00:00.000Z', '2035-12-30T00:00:00.000Z'],
  ])('the next occurrence %s', (_case, every, after, expected) => {
    const occurrences = new IntervalOccurrences(ANCHOR, every);
    expect(occurrences.next(new Date(after))?.toISOString()).toBe(expected);
    expect(occurrences.previous(new Date(Date.parse(expected) + 1))?.toISOString()).toBe(expected);
    expect(occurrences.previous(new Date(expected))?.getTime()).toBe(Date.parse(expected) - every);
  });

  it('does not drift over many occurrences', () => {
    const occurrences = new IntervalOccurrences(ANCHOR, 333);
    let at = new Date(ANCHOR);
    for (let step = 0; step < 10_000; step++) at = occurrences.next(at)!;
    expect(at.getTime()).toBe(ANCHOR + 3_330_000);
    const late = occurrences.next(new Date(ANCHOR + 500 * YEAR))!;
    expect((late.getTime() - ANCHOR) % 333).toBe(0);
  });

  it('counts occurrences at both ends, without walking through them', () => {
    const occurrences = new IntervalOccurrences(ANCHOR, 100);
    const at = (ms: number) => new Date(ANCHOR + ms);
    expect(occurrences.count(at(0), at(300), 10)).toBe(4);
    expect(occurrences.count(at(1), at(299), 10)).toBe(2);
    expect(occurrences.count(at(1), at(99), 10)).toBe(0);
    expect(occurrences.count(at(9), at(5), 10)).toBe(0);
    expect(occurrences.count(at(0), at(1000), 10)).toBeNull();
    expect(occurrences.count(at(0), at(500 * YEAR), 10_000)).toBeNull();
  });

  it('has occurrences from 1970 to 9999 only', () => {
    const occurrences = new IntervalOccurrences(ANCHOR, 315_360_000_000);
    expect(occurrences.next(new Date('9999-01-01T00:00:00Z'))).toBeNull();
    expect(occurrences.previous(new Date('1970-02-01T00:00:00Z'))).toBeNull();
    expect(occurrences.next(new Date(-9e14))!.getTime()).toBeGreaterThanOrEqual(0);
  });
});

const interval = (fields: object) => ({ type: 'interval', everySeconds: 30, ...fields }) as const;

describe('the anchor of an interval', () => {
  const createdAt = new Date('2026-03-01T00:00:00Z');
  const anchorOf = (fields: object, previous?: object) => {
    const before = previous && completeTrigger(interval(previous), { timeZone: 'UTC', createdAt });
    const defaults = { timeZone: 'UTC', createdAt: before ? new Date('2026-09-09T00:00:00Z') : createdAt };
    return completeTrigger(interval(fields), { ...defaults, previous: before ?? null });
  };

  it.each<[string, object, object | undefined, string]>([
    [
      'the one that is set',
      { anchor: '2026-01-01T00:00:00Z', startAt: '2026-02-01T00:00:00Z' },
      undefined,
      '2026-01-01',
    ],
    ['startAt without one', { startAt: '2026-02-01T00:00:00Z' }, undefined, '2026-02-01'],
    ['the creation without both', {}, undefined, '2026-03-01'],
    ['the stored one after an edit', { everySeconds: 60 }, { anchor: '2026-01-01T00:00:00Z' }, '2026-01-01'],
    ['the stored one when an edit drops startAt', {}, { startAt: '2026-02-01T00:00:00Z' }, '2026-02-01'],
    ['another startAt', { startAt: '2026-04-01T00:00:00Z' }, { startAt: '2026-02-01T00:00:00Z' }, '2026-04-01'],
  ])('is %s', (_case, fields, previous, day) => {
    expect(anchorOf(fields, previous)).toMatchObject({ anchor: `${day}T00:00:00.000Z` });
  });
});

it('the jitter of the last occurrence does not pass the year 9999', () => {
  const at = '9999-12-31T23:59:59Z';
  const definition = completeTrigger(
    { type: 'interval', everySeconds: 3600, anchor: at, jitterSeconds: 3599 },
    { timeZone: 'UTC', createdAt: new Date(0) },
  );
  const delays = Array.from({ length: 100 }, (_each, seed) =>
    openTrigger({ trigger: definition, clockChange: BY_CRON_RULE }, String(seed)).delay(new Date(at)),
  );
  expect(Math.max(...delays)).toBeLessThan(1000);
});
