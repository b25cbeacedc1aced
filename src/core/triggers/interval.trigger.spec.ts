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
