import * as fc from 'fast-check';
import { contradictionIn } from '../../../test/support/description-check.js';
import { meaningOf } from '../../../test/support/description.js';
import { cases, cronExpression } from '../../../test/support/triggers.js';
import { calendarOf } from './cron.calendar.js';

const day = (text: string, date: string): boolean => meaningOf(text).day(new Date(date));

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
      fc.pre((calendar.next(from.getTime()) ?? calendar.previous(from.getTime())) !== null);
      const contradiction = contradictionIn(expression, from, seconds);
      if (contradiction) throw new Error(contradiction);
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
