import * as fc from 'fast-check';
import { cases } from '../../../test/support/triggers.js';
import { BY_CRON_RULE } from './clock-change.js';
import { WEEKDAYS } from './calendar-names.js';
import { calendarOf } from './cron.calendar.js';
import { cronInput } from './cron.input.js';
import { openTrigger } from './trigger.js';

const input = (expression: string) => cronInput.safeParse({ type: 'cron', expression });
const faultOf = (expression: string) =>
  input(expression)
    .error?.issues.map(({ message }) => message)
    .join();
/** The expressions that an error proposes. */
const proposalsOf = (expression: string): string[] =>
  [...(faultOf(expression) ?? '').matchAll(/write (?:seven: )?"([^"]+)"/g)].map(([, proposal]) => proposal!);

describe('an expression in the order of AWS', () => {
  it.each([
    ['0 10 * * ? *', '0 0 10 * * ? *'],
    ['15 12 ? * 2-6 *', '0 15 12 ? * MON-FRI *'],
    ['0 8 1 * ? 2027', '0 0 8 1 * ? 2027'],
    ['0 9 ? * 2#1 *', '0 0 9 ? * MON#1 *'],
    ['0 9 ? * 6L *', '0 0 9 ? * FRIL *'],
    ['0 18 ? * MON-FRI 2026-2030', '0 0 18 ? * MON-FRI 2026-2030'],
    ['30 7 5 * 1/2 2027', '0 30 7 5 * SUN/2 2027'],
    ['0 9 ? * 6-2 *', '0 0 9 ? * FRI-SAT,SUN-MON *'],
    ['0 9 ? * FRI-MON *', '0 0 9 ? * FRI-SAT,SUN-MON *'],
    ['0 9 ? * fri-mon *', '0 0 9 ? * FRI-SAT,SUN-MON *'],
    ['0 9 ? * 3,7-1 *', '0 0 9 ? * TUE,SAT,SUN *'],
    ['0 10 ? * L *', '0 0 10 ? * SAT *'],
    ['0 10 ? * l 2027', '0 0 10 ? * SAT 2027'],
    ['0 9 ? * 2-6/2 *', '0 0 9 ? * MON-FRI/2 *'],
    ['0 9 ? * 1-1/2 *', '0 0 9 ? * SUN *'],
    ['0 9 ? * 6-2/2 *', '0 0 9 ? * FRI,SUN *'],
    // AWS has no day 0, so these are counted as here.
    ['0 9 ? * 0-4 *', '0 0 9 ? * 0-4 *'],
  ])('%s is refused with the seven fields that mean the same', (expression, seven) => {
    expect(faultOf(expression)).toContain(`write seven: "${seven}"`);
    expect(input(seven).error).toBeUndefined();
  });

  it.each([
    '0 10 L-3 * ? *',
    '0 25 * * ? *',
    '0 9 ? * MONDAY *',
    '0 10 * * ? 20270',
    '0 0 31 2 ? *',
    '0 ? * * ? *',
    '0 10 ?,1 * ? *',
    '0 0 ? * * MON',
  ])('%s is refused with the rule alone, because no seven fields mean the same', (expression) => {
    expect(faultOf(expression)).toContain('With six fields, the first is the second, and there is no year.');
    expect(faultOf(expression)).toContain('write seven, with a 0 for the second in front');
    expect(proposalsOf(expression)).toEqual([]);
  });

  it('has a second reading only if its question marks fit that too', () => {
    expect(proposalsOf('0 9 1 1 * 2027')).toEqual(['0 0 9 1 1 * 2027', '0 9 1 1 * * 2027']);
    expect(proposalsOf('0 9 ? 1 * 2027')).toEqual(['0 0 9 ? 1 * 2027']);
    expect(proposalsOf('0 9 1 * ? 2027')).toEqual(['0 0 9 1 * ? 2027']);
    expect(proposalsOf('0 30 9 ? * 2027')).toEqual(['0 30 9 ? * * 2027']);
  });

  it('gets only valid proposals', () => {
    const minute = fc.constantFrom('0', '?', '*/5', '10', '61');
    const hour = fc.constantFrom('9', '?', '25', '*', '9-17');
    const day = fc.constantFrom('?', '*', '1', 'L', 'L-3', '31', '?,1', '15W');
    const month = fc.constantFrom('*', '?', '2', 'JAN-MAR', '13');
    const weekday = fc.constantFrom('?', '*', '2-6', '6-2', 'L', '6L', '3#2', '8', 'MONDAY', '0', '6-2/2', '2,?');
    const year = fc.constantFrom('*', '2027', '2026-2030', '20270', '2027/2', '1900', '?');
    const holds = fc.property(fc.tuple(minute, hour, day, month, weekday, year), (fields) => {
      const proposals = proposalsOf(fields.join(' '));
      expect(proposals.map((proposal) => [proposal, faultOf(proposal)])).toEqual(
        proposals.map((proposal) => [proposal, undefined]),
      );
    });
    expect(() => fc.assert(holds, cases(2000))).not.toThrow();
  });

  it('keeps its weekdays, which AWS counts from 1 = Sunday, also in ranges that pass the end of the week', () => {
    const day = fc.integer({ min: 1, max: 7 });
    const item = fc.oneof(
      day.map((only) => ({ text: String(only), days: [only - 1] })),
      fc.tuple(day, day).map(([from, to]) => ({
        text: `${from}-${to}`,
        days: Array.from({ length: ((to - from + 7) % 7) + 1 }, (_each, n) => (from - 1 + n) % 7),
      })),
    );
    const step = fc.tuple(day, fc.integer({ min: 1, max: 6 })).map(([from, by]) => ({
      text: `${from}/${by}`,
      days: WEEKDAYS.flatMap((_name, weekday) =>
        weekday >= from - 1 && (weekday - from + 1) % by === 0 ? [weekday] : [],
      ),
    }));
    const items = fc.array(fc.oneof(item, item, step), { minLength: 1, maxLength: 3 });
    const holds = fc.property(items, (written) => {
      const [proposal] = proposalsOf(`0 0 ? * ${written.map(({ text }) => text).join(',')} *`);
      const calendar = calendarOf(proposal!);
      const days = WEEKDAYS.map((_name, weekday) => Date.UTC(2026, 0, 4 + weekday));
      const matched = days.flatMap((at, weekday) => (calendar.next(at) === at ? [weekday] : []));
      expect(matched).toEqual([...new Set(written.flatMap((each) => each.days))].toSorted((a, b) => a - b));
    });
    expect(() => fc.assert(holds, cases(1000))).not.toThrow();
  });
});

describe('a question mark', () => {
  it.each([
    ['? * * * *', 'not in the minute'],
    ['0 ? * * *', 'not in the hour'],
    ['0 0 * ? *', 'not in the month'],
    ['? 0 0 * * *', 'not in the second'],
    ['0 0 0 * * * ?', 'not in the year'],
    ['0 0 ?,1 * *', 'it cannot be part of "?,1". Write only the days'],
    ['0 0 ?/2 * *', 'it cannot be part of "?/2"'],
    ['0 0 1 * ?#2', 'it cannot be part of "?#2"'],
    ['TZ=UTC 0 0 9 ? * MON', 'set timeZone to "UTC" and write "0 0 9 ? * MON"'],
  ])('is refused in %s', (expression, message) => {
    expect(faultOf(expression)).toContain(message);
  });

  it.each(['0 0 ? * MON', '0 0 1 * ?', '0 0 ? * ?', '0 0 0 ? * MON', '0 0 0 1 * ? 2027'])(
    'stands for an open day field in %s',
    (expression) => {
      expect(input(expression).error).toBeUndefined();
    },
  );

  it('in a stored definition keeps the job running', () => {
    const stored = { type: 'cron', expression: '0 10 * * ? *', timeZone: 'UTC', startAt: null, endAt: null } as const;
    expect(
      openTrigger({ trigger: { ...stored, jitterSeconds: 0 }, clockChange: BY_CRON_RULE }, 'seed').next(new Date(0)),
    ).not.toBeNull();
  });
});
