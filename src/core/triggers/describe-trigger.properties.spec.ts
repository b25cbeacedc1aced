import * as fc from 'fast-check';
import { meaningOf } from '../../../test/support/description.js';
import { cases, cronExpression } from '../../../test/support/triggers.js';
import { type CronCalendar, calendarOf } from './cron.calendar.js';
import { describeTrigger } from './describe-trigger.js';
import { DAY } from './zone.js';

const describeCron = (expression: string): string =>
  describeTrigger({ type: 'cron', expression, timeZone: 'UTC', startAt: null, endAt: null, jitterSeconds: 0 });

const day = (text: string, date: string): boolean => meaningOf(text).day(new Date(date));

/** Over a year, so that each month and each weekday of each month occurs. */
const DAYS = 400;

/** The times of day that differ from one of an occurrence in one field only. The times of an expression are a product of
 *  its fields, so these decide about all of them. */
const neighbours = (second: number): number[] => {
  const [h, m, s] = [Math.floor(second / 3600), Math.floor(second / 60) % 60, second % 60];
  const ofHour = Array.from({ length: 24 }, (_each, hour) => hour * 3600 + m * 60 + s);
  const ofMinutes = Array.from({ length: 60 }, (_each, minute) => h * 3600 + minute * 60 + s);
  return [...ofHour, ...ofMinutes, ...Array.from({ length: 60 }, (_each, each) => h * 3600 + m * 60 + each)];
};

const isAt = (calendar: CronCalendar, wall: number): boolean => calendar.next(wall) === wall;

describe('the description of a cron expression', () => {
  it('names exactly the days and the times of day at which it fires', () => {
    const hour = fc.integer({ min: 0, max: 23 });
    const given = fc.tuple(
      hour.chain(cronExpression),
      fc.date({ min: new Date('1990-01-01'), max: new Date('2040-01-01'), noInvalidDate: true }),
      fc.array(fc.integer({ min: 0, max: 86_399 }), { minLength: 20, maxLength: 20 }),
    );
    const holds = fc.property(given, ([expression, from, seconds]) => {
      const calendar = calendarOf(expression);
      const start = Math.floor(from.getTime() / DAY);
      const first = calendar.next(start * DAY) ?? calendar.previous(start * DAY);
      fc.pre(first !== null);
      const description = describeCron(expression);
      const meaning = meaningOf(description);
      const midnight = Math.floor(first / DAY) * DAY;
      const probes = [...neighbours((first - midnight) / 1000), ...seconds];
      for (const second of probes) {
        const fires = isAt(calendar, midnight + second * 1000);
        if (meaning.time(second) !== fires) throw new Error(`${description}: ${second} s after midnight is ${fires}`);
      }
      let next = calendar.next(start * DAY);
      for (let at = start; at < start + DAYS; at++) {
        if (next !== null && next < at * DAY) next = calendar.next(at * DAY);
        const fires = next !== null && next < (at + 1) * DAY;
        const date = new Date(at * DAY);
        if (meaning.day(date) !== fires) throw new Error(`${description}: ${date.toISOString()} is ${fires}`);
      }
    });
    expect(() => fc.assert(holds, cases(10_000))).not.toThrow();
  });

  it('is compared with the occurrences by a reader that notices wrong claims', () => {
    expect(day('At 00:00, on day 1 of the month, or on Monday', '2026-01-05')).toBe(true);
    expect(day('At 00:00, on day 1 of the month, but only on Monday', '2026-01-05')).toBe(false);
    expect(day('At 00:00, Friday through Sunday, in May, in 2026', '2026-05-04')).toBe(false);
    expect(meaningOf('Every 5 minutes from 09:00 through 17:55').time(18 * 3600)).toBe(false);
    expect(() => meaningOf('Every 7 minutes')).toThrow('do not divide');
    expect(() => meaningOf('At 00:00, only on Wednesday')).toThrow('Not understood');
    expect(() => meaningOf('0 0 * * MON#L')).toThrow('Not understood');
  });
});
