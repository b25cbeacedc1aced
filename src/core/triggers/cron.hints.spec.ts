import * as fc from 'fast-check';
import { cases } from '../../../test/support/triggers.js';
import { MONTHS, shortName, WEEKDAYS } from './calendar-names.js';
import { calendarOf } from './cron.calendar.js';
import { cronInput } from './cron.input.js';

const faultOf = (expression: string) =>
  cronInput
    .safeParse({ type: 'cron', expression })
    .error?.issues.map(({ message }) => message)
    .join();

it.each([
  ['0 0 * * FRI-MON', '0 0 * * FRI-SAT,SUN-MON'],
  ['0 0 * * sat-mon', '0 0 * * SAT,SUN-MON'],
  ['0 0 * * 5-1', '0 0 * * 5-6,0-1'],
  ['0 0 * * MONDAY', '0 0 * * MON'],
  ['0 0 * * monday-friday', '0 0 * * MON-FRI'],
  ['0 0 * * FRIDAY-MONDAY', '0 0 * * FRI-SAT,SUN-MON'],
  ['0 0 1 NOV-FEB *', '0 0 1 NOV-DEC,JAN-FEB *'],
  ['0 0 1 DEC-JAN *', '0 0 1 DEC,JAN *'],
  ['0 0 1 11-2 *', '0 0 1 11-12,1-2 *'],
  ['0 0 1 January *', '0 0 1 JAN *'],
  ['55-5 * * * * *', '55-59,0-5 * * * * *'],
  ['45-44 * * * *', '45-59,0-44 * * * *'],
  ['59-2 * * * *', '59,0-2 * * * *'],
  ['56-4/4 * * * *', '56,0,4 * * * *'],
  ['0 22-2 * * *', '0 22-23,0-2 * * *'],
  ['0 12,23-3/2 * * *', '0 12,23,1,3 * * *'],
  ['0 0 20-5 * *', '0 0 20-31,1-5 * *'],
  ['0 0 20-5/5 * *', '0 0 20,25,30,4 * *'],
  ['0 0 29-L * *', '0 0 29-31 * *'],
  ['0 0 1-l/8 * *', '0 0 1-31/8 * *'],
  ['0 0 W15 * *', '0 0 15W * *'],
  ['0 0 1 9-8/3 *', '0 0 1 9,12,3,6 *'],
  ['0 0 1 Nov-Feb/2 *', '0 0 1 NOV,JAN *'],
  ['0 0 * * FRI-MON/2', '0 0 * * FRI,SUN'],
  ['0 0 * * FRIDAY-MONDAY/2', '0 0 * * FRI,SUN'],
  ['0 0 * * 5-1/2', '0 0 * * 5,0'],
  ['0 0 * * 7-2', '0 0 * * 0-2'],
  ['0 0 * * 7-tue', '0 0 * * 0-TUE'],
  ['0 0 * * mon-0', '0 0 * * MON-6,0'],
  ['0 0 1 * +FRI-MON', '0 0 1 * +FRI-SAT,SUN-MON'],
])('%s is refused, and the error says what to write, which is valid', (wrong, right) => {
  const field = right.split(' ').find((part, index) => part !== wrong.split(' ')[index])!;
  expect(faultOf(wrong)).toContain(`write ${field}`);
  expect(faultOf(right)).toBeUndefined();
});

it('says what can be counted from the end of the month', () => {
  expect(faultOf('0 0 L-3 * *')).toContain(
    'from the end of the month there are only L (last day) and LW (last weekday)',
  );
  expect(faultOf('0 0 1,l-3 * *')).toContain('there are only L');
});

it.each(['H * * * *', '0 H/2 * * *', '0 0 H(1-10) * *', 'R * * * *'])(
  'says what spreads the load instead of %s',
  (expression) => {
    expect(faultOf(expression)).toContain(
      'for a value that the scheduler chooses is not supported; jitterSeconds spreads',
    );
  },
);

it.each([
  ['day-of-week', '0 0 * * MON-'],
  ['day-of-week', '0 0 * * FOO'],
  ['day-of-week', '0 0 * * MONDAY,XYZ'],
  ['day-of-week', '0 0 * * FRI-MON,XYZ'],
  ['day-of-week', '0 0 * * 5-1,9'],
  ['day-of-week', '0 0 * * FRI-MON-TUE'],
  ['day-of-week', '0 0 * * FRI-MON/8'],
  ['day-of-week', '0 0 * * SUN,FRI-MON#2'],
  ['month', '0 0 1 13 *'],
  ['month', '0 0 1 11-2,13 *'],
  ['minute', '60 * * * *'],
  ['minute', '70-5 * * * *'],
  ['minute', '5-70 * * * *'],
])('proposes nothing for the %s of %s', (field, expression) => {
  expect(faultOf(expression)).toContain(`The ${field}`);
  expect(faultOf(expression)).not.toContain('write');
});

const every = (step: number, { text, values }: { text: string; values: number[] }) => ({
  text: `${text}/${step}`,
  values: values.filter((_value, n) => n % step === 0),
});

/** A value or a range, with or without a step, as text and as its values. A range may pass the end of the week or of the year. */
function item(names: readonly string[], first: number): fc.Arbitrary<{ text: string; values: number[] }> {
  const index = fc.integer({ min: 0, max: names.length - 1 });
  const spelling = fc.constantFrom<(at: number) => string>(
    (at) => String(at + first),
    (at) => shortName(names[at]!),
    (at) => names[at]!,
    (at) => names[at]!.toLowerCase(),
  );
  const write = (spell: (at: number) => string, from: number, to: number) => ({
    text: `${spell(from)}-${spell(to)}`,
    values: Array.from(
      { length: ((to - from + names.length) % names.length) + 1 },
      (_each, n) => (from + n) % names.length,
    ),
  });
  return fc.oneof(
    fc.tuple(spelling, index, index).map(([spell, from, to]) => write(spell, from, to)),
    fc
      .tuple(spelling, index, index, fc.integer({ min: 1, max: names.length }))
      .map(([spell, from, to, step]) => every(step, write(spell, from, to))),
    fc.tuple(spelling, index).map(([spell, at]) => ({ text: spell(at), values: [at] })),
  );
}

const proposalOf = (expression: string) => / write (\S+)$/.exec(faultOf(expression) ?? '')?.[1];
const ascending = (values: number[]) => [...new Set(values)].toSorted((a, b) => a - b);

describe('what an error proposes', () => {
  it('is the weekdays that were written, also in ranges that pass the end of the week', () => {
    const field = fc.array(item(WEEKDAYS, 0), { minLength: 1, maxLength: 3 });
    const holds = fc.property(field, (items) => {
      const proposal = proposalOf(`0 0 * * ${items.map(({ text }) => text).join(',')}`);
      fc.pre(proposal !== undefined);
      const sunday = Date.UTC(2026, 0, 4);
      const calendar = calendarOf(`0 0 * * ${proposal}`);
      const days = WEEKDAYS.map((_name, day) => sunday + day * 86_400_000);
      const matched = days.flatMap((day, weekday) => (calendar.next(day) === day ? [weekday] : []));
      expect(matched).toEqual(ascending(items.flatMap(({ values }) => values)));
    });
    expect(() => fc.assert(holds, cases(300))).not.toThrow();
  });

  it('is the months that were written, also in ranges that pass the end of the year', () => {
    const field = fc.array(item(MONTHS, 1), { minLength: 1, maxLength: 3 });
    const holds = fc.property(field, (items) => {
      const proposal = proposalOf(`0 0 1 ${items.map(({ text }) => text).join(',')} *`);
      fc.pre(proposal !== undefined);
      const calendar = calendarOf(`0 0 1 ${proposal} *`);
      const firsts = MONTHS.map((_name, month) => Date.UTC(2026, month, 1));
      const matched = firsts.flatMap((day, month) => (calendar.next(day) === day ? [month] : []));
      expect(matched).toEqual(ascending(items.flatMap(({ values }) => values)));
    });
    expect(() => fc.assert(holds, cases(300))).not.toThrow();
  });

  it('is valid', () => {
    const piece = fc.constantFrom('MON', 'MONDAY', 'FRI-MON', 'friday-monday', '5-1', '9', 'XYZ', '1', 'L', '+FRI-MON');
    const suffix = fc.constantFrom('', '', '', '/2', '/0', '#2', '#L', 'L', '-', '-3');
    const field = fc.array(
      fc.tuple(piece, suffix).map((parts) => parts.join('')),
      { minLength: 1, maxLength: 3 },
    );
    const holds = fc.property(field, (items) => {
      for (const expression of [`0 0 * * ${items.join(',')}`, `0 0 1 ${items.join(',')} *`]) {
        const proposal = proposalOf(expression);
        const corrected = proposal === undefined ? '@daily' : expression.replace(items.join(','), proposal);
        expect([corrected, faultOf(corrected)]).toEqual([corrected, undefined]);
      }
    });
    expect(() => fc.assert(holds, cases(300))).not.toThrow();
  });
});
