import { parseCron } from './cron.pattern.js';
import { CronOccurrences } from './cron.trigger.js';

/** 2026-01-01 is a Thursday. */
const AFTER = new Date('2026-01-01T00:00:00Z');

describe('a valid cron expression', () => {
  it.each([
    ['five fields', '30 9 * * *', '2026-01-01T09:30:00.000Z', '2026-01-02T09:30:00.000Z'],
    ['six fields, seconds first', '15 30 9 * * *', '2026-01-01T09:30:15.000Z', '2026-01-02T09:30:15.000Z'],
    ['seven fields, year last', '0 0 0 1 3 * 2028-2029', '2028-03-01T00:00:00.000Z', '2029-03-01T00:00:00.000Z'],
    ['names in either case', '0 0 * feb,Mar MON-wed', '2026-02-02T00:00:00.000Z', '2026-02-03T00:00:00.000Z'],
    ['lists and ranges', '0,10-11 0 * * *', '2026-01-01T00:10:00.000Z', '2026-01-01T00:11:00.000Z'],
    ['a step', '*/25 * * * *', '2026-01-01T00:25:00.000Z', '2026-01-01T00:50:00.000Z'],
    ['a step in a range', '10-40/20 * * * *', '2026-01-01T00:10:00.000Z', '2026-01-01T00:30:00.000Z'],
    ['a step from a number', '50/5 * * * *', '2026-01-01T00:50:00.000Z', '2026-01-01T00:55:00.000Z'],
    ['L, the last day', '0 0 L * *', '2026-01-31T00:00:00.000Z', '2026-02-28T00:00:00.000Z'],
    ['L in a list', '0 0 15,L * *', '2026-01-15T00:00:00.000Z', '2026-01-31T00:00:00.000Z'],
    ['LW, the last weekday', '0 0 LW * *', '2026-01-30T00:00:00.000Z', '2026-02-27T00:00:00.000Z'],
    ['W of a Sunday', '0 0 1W 2,3 *', '2026-02-02T00:00:00.000Z', '2026-03-02T00:00:00.000Z'],
    [
      'W of the 1st on a Saturday stays in its month',
      '0 0 1W 8 *',
      '2026-08-03T00:00:00.000Z',
      '2027-08-02T00:00:00.000Z',
    ],
    [
      'W of the last day on a Sunday stays in its month',
      '0 0 31W 5 *',
      '2026-05-29T00:00:00.000Z',
      '2027-05-31T00:00:00.000Z',
    ],
    ['#, the second Friday', '0 0 * * FRI#2', '2026-01-09T00:00:00.000Z', '2026-02-13T00:00:00.000Z'],
    ['#5, only in months that have one', '0 0 * * MON#5', '2026-03-30T00:00:00.000Z', '2026-06-29T00:00:00.000Z'],
    ['L after a weekday, the last one', '0 0 * * FRIL', '2026-01-30T00:00:00.000Z', '2026-02-27T00:00:00.000Z'],
    ['?, the same as *', '0 0 ? * MON', '2026-01-05T00:00:00.000Z', '2026-01-12T00:00:00.000Z'],
    ['Sunday as 0', '0 0 * * 0', '2026-01-04T00:00:00.000Z', '2026-01-11T00:00:00.000Z'],
    ['Sunday as 7', '0 0 * * 7', '2026-01-04T00:00:00.000Z', '2026-01-11T00:00:00.000Z'],
    ['Sunday at the end of a range', '0 0 * * SAT-SUN', '2026-01-03T00:00:00.000Z', '2026-01-04T00:00:00.000Z'],
    ['day-of-month or day-of-week', '0 0 3 * MON', '2026-01-03T00:00:00.000Z', '2026-01-05T00:00:00.000Z'],
    ['a + before day-of-week: both', '0 0 3 * +MON', '2026-08-03T00:00:00.000Z', '2027-05-03T00:00:00.000Z'],
    ['leap days', '0 0 29 2 *', '2028-02-29T00:00:00.000Z', '2032-02-29T00:00:00.000Z'],
    ['leap days over a century', '0 0 0 29 2 * 2096-2104', '2096-02-29T00:00:00.000Z', '2104-02-29T00:00:00.000Z'],
    ['leap days on a Monday', '0 0 29 2 +MON', '2044-02-29T00:00:00.000Z', '2072-02-29T00:00:00.000Z'],
    ['@hourly', '@hourly', '2026-01-01T01:00:00.000Z', '2026-01-01T02:00:00.000Z'],
    ['@daily', '@daily', '2026-01-02T00:00:00.000Z', '2026-01-03T00:00:00.000Z'],
    ['@midnight, in capitals', '@MIDNIGHT', '2026-01-02T00:00:00.000Z', '2026-01-03T00:00:00.000Z'],
    ['@weekly', '@weekly', '2026-01-04T00:00:00.000Z', '2026-01-11T00:00:00.000Z'],
    ['@monthly', '@monthly', '2026-02-01T00:00:00.000Z', '2026-03-01T00:00:00.000Z'],
    ['@yearly', '@yearly', '2027-01-01T00:00:00.000Z', '2028-01-01T00:00:00.000Z'],
    ['@annually', '@annually', '2027-01-01T00:00:00.000Z', '2028-01-01T00:00:00.000Z'],
  ])('%s: %s', (_case, expression, first, second) => {
    const occurrences = new CronOccurrences(expression, 'UTC');
    expect(occurrences.next(AFTER)?.toISOString()).toBe(first);
    expect(occurrences.next(new Date(first))?.toISOString()).toBe(second);
    expect(occurrences.previous(new Date(second))?.toISOString()).toBe(first);
  });
});

describe('an invalid cron expression', () => {
  it.each([
    ['', 'Say when to run, such as "0 9 * * MON-FRI"'],
    ['  \t ', 'Say when to run'],
    [`0 0 ${'1,'.repeat(130)}1 * *`, 'at most 256 characters'],
    ['* * * *', 'There are 4 fields, but 5 are needed'],
    ['* * * * * * * *', 'There are 8 fields'],
    ['2026-01-01T00:00:00Z', 'There is 1 field'],
    ['@reboot', '"@reboot" is unknown; known names: @hourly'],
    ['@every 5m', '"@every 5m" is unknown'],
    ['@every 5m', 'for a fixed distance, use a trigger of type interval with everySeconds'],
    ['TZ=UTC 0 9 * * *', 'A time zone is not part of an expression; set timeZone to "UTC" and write "0 9 * * *"'],
    ['CRON_TZ=Asia/Tokyo @daily', 'set timeZone to "Asia/Tokyo" and write "@daily"'],
    ['60 * * * *', 'The minute "60" is not valid; it accepts 0-59'],
    ['60 0 * * * *', 'The second "60" is not valid; it accepts 0-59'],
    ['0 24 * * *', 'The hour "24" is not valid; it accepts 0-23'],
    ['0 22-2 * * *', 'The hour "22-2" is not valid; it accepts 0-23, such as 9, 9-17 or */2; write 22-23,0-2'],
    ['0 0 0 * *', 'The day-of-month "0" is not valid; it accepts 1-31'],
    ['0 0 32 * *', 'The day-of-month "32"'],
    ['0 0 L-3 * *', 'The day-of-month "L-3"'],
    ['0 0 1,LW * *', 'The day-of-month "1,LW"'],
    ['0 0 * 13 *', 'The month "13" is not valid; it accepts 1-12 or JAN-DEC'],
    ['0 0 * * 8', 'The day-of-week "8" is not valid; it accepts 0-7'],
    ['0 0 * * MON#6', 'The day-of-week "MON#6"'],
    ['0 0 * * +', 'The day-of-week "+"'],
    ['0 0 0 1 1 * 10000', 'The year "10000" is not valid; it accepts 1970-9999'],
    ['*/0 * * * *', 'The minute "*/0" has a step of 0; the smallest is 1'],
    ['0 1-5/0 * * *', 'The hour "1-5/0" has a step of 0'],
    ['/5 * * * *', 'The minute "/5" has nothing before the slash of its step'],
    ['*/61 * * * *', 'The minute "*/61"'],
    ['5,,6 * * * *', 'The minute "5,,6"'],
    ['+0 0 * * *', 'The minute "+0"'],
    ['-1 * * * *', 'The minute "-1"'],
    ['MON * * * *', 'The minute "MON"'],
  ])('%j is rejected: %s', (expression, message) => {
    expect(() => parseCron(expression)).toThrow(message);
  });
});
