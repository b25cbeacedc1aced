import * as fc from 'fast-check';
import { cases } from '../../../test/support/triggers.js';
import { cronNotes } from './cron.notes.js';
import { CronOccurrences } from './cron.trigger.js';

it.each([
  ['*/45 * * * *', '*/45 in the minute starts over each hour: the last gap is 15 minutes, not 45.'],
  ['*/59 * * * *', '*/59 in the minute starts over each hour: the last gap is 1 minute, not 59.'],
  ['5/7 * * * *', '5/7 in the minute starts over each hour: the last gap is 11 minutes, not 7.'],
  ['0-59/7 * * * *', '0-59/7 in the minute starts over each hour: the last gap is 4 minutes, not 7.'],
  ['*/7 * ? * ?', '*/7 in the minute starts over each hour: the last gap is 4 minutes, not 7.'],
  ['*/7 * * * * *', '*/7 in the second starts over each minute: the last gap is 4 seconds, not 7.'],
  ['0 */7 * * *', '*/7 in the hour starts over each day: the last gap is 3 hours, not 7.'],
  ['0 0-23/7 * * *', '0-23/7 in the hour starts over each day: the last gap is 3 hours, not 7.'],
  ['0 0 1 */5 *', '*/5 in the month starts over each year: the last gap is 2 months, not 5.'],
  ['0 0 L 1-12/5 *', '1-12/5 in the month starts over each year: the last gap is 2 months, not 5.'],
  ['0 0 * * */2', '*/2 in the day-of-week starts over each week: the last gap is 1 day, not 2.'],
  ['0 0 * * 0-6/5', '0-6/5 in the day-of-week starts over each week: the last gap is 2 days, not 5.'],
  ['0 0 */2 * *', '*/2 in the day-of-month starts over each month, so the last gap of a month varies.'],
  ['0 0 1-31/2 * *', '1-31/2 in the day-of-month starts over each month, so the last gap of a month varies.'],
])('%s: %s', (expression, note) => {
  expect(cronNotes(expression)).toEqual([note]);
});

it.each([
  ['*/7 9 * * *', '*/7 in the minute starts over at 0 in each hour that matches.'],
  ['*/45 0 * * *', '*/45 in the minute starts over at 0 in each hour that matches.'],
  ['5/7 * * * MON', '5/7 in the minute starts over at 5 in each hour that matches.'],
  ['0 0 */7 * * * 2027', '*/7 in the hour starts over at 0 on each day that matches.'],
  ['0 */7 1 1 *', '*/7 in the hour starts over at 0 on each day that matches.'],
  ['0,30 */7 * * *', '*/7 in the hour starts over at 0 on each day that matches.'],
  ['0 0 1/2 * MON', '1/2 in the day-of-month starts over at 1 in each month that matches.'],
  ['0 0 */2 1 *', '*/2 in the day-of-month starts over at 1 in each month that matches.'],
  ['0 0 31 */5 *', '*/5 in the month starts over at 1 in each year that matches.'],
  ['0 0 1 */5 MON', '*/5 in the month starts over at 1 in each year that matches.'],
  ['0 0 1 * */2', '*/2 in the day-of-week starts over at 0 in each week that matches.'],
])('%s, where other fields decide about the gaps: %s', (expression, note) => {
  expect(cronNotes(expression)).toEqual([note]);
});

it.each([
  '* * * * *',
  '*/15 */6 * * *',
  '5/10 * * * *',
  '0-59/15 9 * * *',
  '*/1 * * * *',
  '10-40/20 * * * *',
  '0 0 1 */3 *',
  '0 0 0 1 1 * */2',
  '@daily',
])('there is no note on %s', (expression) => {
  expect(cronNotes(expression)).toEqual([]);
});

describe('a note on the weekday nearest a day', () => {
  it.each([
    ['0 0 31W * *', ['31W skips months without a day 31. LW is the last weekday of every month.']],
    ['0 0 31w 1,4 *', ['31W skips months without a day 31. LW is the last weekday of every month.']],
    ['0 0 15,30W * *', ['30W skips months without a day 30. LW is the last weekday of every month.']],
    ['0 0 29W FEB *', ['29W skips months without a day 29. LW is the last weekday of every month.']],
    [
      '0 0 0 29W,31W * * 2027',
      [
        '29W skips months without a day 29. LW is the last weekday of every month.',
        '31W skips months without a day 31. LW is the last weekday of every month.',
      ],
    ],
    ['0 0 31W 1 *', []],
    ['0 0 31W 1,3,5,7,8,10,12 *', []],
    ['0 0 30W 4,6,9,11 *', []],
    ['0 0 29W 1,3-12 *', []],
    ['0 0 0 29W * * 2028,2032', []],
    ['0 0 28W * *', []],
  ])('%s: %j', (expression, notes) => {
    expect(cronNotes(expression)).toEqual(notes);
  });
});

const UNIT_MS: Record<string, number> = { second: 1000, minute: 60_000, hour: 3_600_000, day: 86_400_000 };

/** From one time to a later one, in a unit. Months are compared by their numbers. */
function distance(from: Date, to: Date, unit: string): number {
  if (unit !== 'month') return (to.getTime() - from.getTime()) / UNIT_MS[unit]!;
  return (to.getUTCFullYear() - from.getUTCFullYear()) * 12 + to.getUTCMonth() - from.getUTCMonth();
}

function field(least: number, most: number): fc.Arbitrary<string> {
  const step = fc.integer({ min: 2, max: most - least });
  const value = fc.integer({ min: least, max: most });
  return fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom('*', '*', '?') },
    value.map(String),
    fc.tuple(value, value).map((values) => values.join(',')),
    step.map((by) => `*/${by}`),
    step.map((by) => `${least}-${most}/${by}`),
    fc.tuple(value, step).map(([from, by]) => `${from}/${by}`),
    fc.tuple(value, step).map(([to, by]) => `${least}-${to}/${by}`),
  );
}

it('a gap that a note names lies between two occurrences, and all others are the step', () => {
  const day = fc.oneof(field(1, 31), fc.constantFrom('L', 'LW', '31W', '1,L', '15'));
  const fields = fc.tuple(
    fc.oneof(fc.constant('0'), field(0, 59)),
    fc.oneof(fc.constant('0'), field(0, 59)),
    fc.oneof(fc.constant('0'), field(0, 23)),
    day,
    field(1, 12),
    fc.oneof(fc.constantFrom('*', '?'), field(0, 6)),
  );
  const holds = fc.property(fields, (texts) => {
    const notes = cronNotes(texts.join(' ')).flatMap((note) => {
      const [, gap, unit, step] = /the last gap is (\d+) (\w+?)s?, not (\d+)\.$/.exec(note) ?? [];
      return gap === undefined ? [] : [{ gap: Number(gap), unit: unit!, step: Number(step) }];
    });
    fc.pre(notes.length > 0);
    expect(notes).toHaveLength(1);
    const [{ gap, unit, step }] = notes as [(typeof notes)[0]];
    const occurrences = new CronOccurrences(texts.join(' '), 'UTC');
    const gaps = new Set<number>();
    let at = occurrences.next(new Date('2026-01-01T00:00:00Z'))!;
    for (let count = 0; count < 130; count++) {
      const next = occurrences.next(at)!;
      gaps.add(distance(at, next, unit));
      at = next;
    }
    expect(gaps).toContain(gap);
    expect([step, gap]).toEqual(expect.arrayContaining([...gaps]));
  });
  expect(() => fc.assert(holds, cases(100))).not.toThrow();
});
