import * as fc from 'fast-check';
import { CronOccurrences } from '../core/triggers/cron.trigger.js';
import { expressionOf } from './apscheduler-cron.js';
import { NotImportableError } from './import-result.js';

type Fields = Partial<Record<'year' | 'month' | 'day' | 'week' | 'day_of_week' | 'hour' | 'minute' | 'second', string>>;

it.each<[Fields, string]>([
  [{ hour: '5' }, '0 5 * * *'],
  [{ minute: '*/5' }, '0-59/5 * * * *'],
  [{ day: '1' }, '0 0 1 * *'],
  [{ month: 'jan-mar,7' }, '0 0 1 1-3,7 *'],
  [{ year: '2027' }, '0 0 0 1 1 * 2027'],
  [{ second: '*/10' }, '0-59/10 * * * * *'],
  [{ day_of_week: '0' }, '0 0 * * MON'],
  [{ day_of_week: '6', hour: '7' }, '0 7 * * SUN'],
  [{ day_of_week: 'mon-fri', hour: '8', minute: '30' }, '30 8 * * MON-FRI'],
  [{ day_of_week: 'sat,sun' }, '0 0 * * SAT,SUN'],
  [{ week: '*', day_of_week: 'wed' }, '0 0 * * WED'],
  [{ day: '13', day_of_week: 'fri' }, '0 0 13 * +FRI'],
  [{ day: 'last' }, '0 0 L * *'],
  [{ day: '2nd fri' }, '0 0 * * FRI#2'],
  [{ day: '15, last sun', hour: '3' }, '0 3 15 * SUNL'],
  [{ day: '1st mon,1st tue', day_of_week: 'tue-sun' }, '0 0 * * TUE#1'],
  [{ hour: '9-17/2', minute: '5/20' }, '5-59/20 9-17/2 * * *'],
  [{}, '* * * * * *'],
])('%j becomes %j', (fields, expression) => {
  expect(expressionOf(fields)).toBe(expression);
});

it.each<[Fields, string]>([
  [{ week: '1,27' }, 'weeks of the year'],
  [{ day: '1,2nd fri', day_of_week: 'mon' }, 'one job for each part'],
  [{ day: '2nd fri', day_of_week: 'mon' }, 'never fires'],
  [{ day_of_week: 'mon-fri/2' }, 'step after names'],
  [{ day_of_week: '7' }, 'out of range'],
  [{ hour: '24' }, 'out of range'],
  [{ hour: '5-3' }, 'out of range'],
  [{ hour: 'noon' }, 'not valid in APScheduler'],
  [{ day: 'L' }, 'not valid in APScheduler'],
  [{ day: '6th fri' }, 'not valid in APScheduler'],
])('refuses %j', (fields, reason) => {
  expect(() => expressionOf(fields)).toThrow(NotImportableError);
  expect(() => expressionOf(fields)).toThrow(reason);
});

/** The documented rules of APScheduler, applied to every day, hour, minute and second in turn. */
const MONTHS = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');
const DAYS = 'mon tue wed thu fri sat sun'.split(' ');
const ORDER = ['year', 'month', 'day', 'week', 'day_of_week', 'hour', 'minute', 'second'] as const;
const LEAST = { year: '*', month: '1', day: '1', week: '*', day_of_week: '*', hour: '0', minute: '0', second: '0' };

function occurrencesByTheRules(fields: Fields, from: Date, count: number): string[] {
  const given = ORDER.filter((field) => fields[field] !== undefined);
  const below = given.length === 0 ? ORDER.length : ORDER.indexOf(given.at(-1)!);
  const of = (field: (typeof ORDER)[number]) => fields[field] ?? (ORDER.indexOf(field) > below ? LEAST[field] : '*');
  const found: string[] = [];
  for (
    let day = from.getTime() - (from.getTime() % 86_400_000);
    day < Date.UTC(2035, 0, 1) && found.length < count;
    day += 86_400_000
  ) {
    const date = new Date(day);
    const [year, month, dayOfMonth] = [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()];
    const length = new Date(Date.UTC(year, month, 0)).getUTCDate();
    const weekday = (date.getUTCDay() + 6) % 7;
    if (!matches(of('year'), year, 1970) || !matches(of('month'), month, 1, MONTHS, 1)) continue;
    if (!matches(of('day_of_week'), weekday, 0, DAYS, 0)) continue;
    const ofDay = of('day')
      .split(/ *, */)
      .some((term) => {
        if (term === 'last') return dayOfMonth === length;
        const [position, name] = term.split(' ');
        if (name === undefined) return matches(term, dayOfMonth, 1);
        if (DAYS[weekday] !== name) return false;
        return position === 'last' ? dayOfMonth + 7 > length : Math.ceil(dayOfMonth / 7) === Number(position![0]);
      });
    if (!ofDay) continue;
    for (let second = 0; second < 86_400 && found.length < count; second += 1) {
      if (!matches(of('hour'), Math.floor(second / 3600), 0)) second += 3599;
      else if (!matches(of('minute'), Math.floor(second / 60) % 60, 0)) second += 59;
      else if (matches(of('second'), second % 60, 0) && day + second * 1000 > from.getTime())
        found.push(new Date(day + second * 1000).toISOString());
    }
  }
  return found;
}

function matches(text: string, value: number, least: number, names: string[] = [], base = 0): boolean {
  return text.split(/ *, */).some((term) => {
    const [range = '', step = '1'] = term.split('/');
    if (range === '*') return (value - least) % Number(step) === 0;
    const [first, last] = range
      .split('-')
      .map((end) => (names.includes(end) ? names.indexOf(end) + base : Number(end)));
    const to = last ?? (term.includes('/') ? Infinity : first!);
    return value >= first! && value <= to && (value - first!) % Number(step) === 0;
  });
}

/** A field of up to three terms: numbers, ranges, steps, and the `others`. */
function anyField(least: number, most: number, ...others: fc.Arbitrary<string>[]): fc.Arbitrary<string> {
  const number = fc.integer({ min: least, max: most });
  const range = fc.tuple(number, number).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);
  const term = fc.oneof(
    number.map(String),
    range.map(([a, b]) => `${a}-${b}`),
    fc.integer({ min: 1, max: Math.ceil((most - least) / 2) }).map((step) => `*/${step}`),
    fc.tuple(range, fc.integer({ min: 1, max: 5 })).map(([[a, b], step]) => `${a}-${b}/${step}`),
    fc.tuple(number, fc.integer({ min: 1, max: 5 })).map(([a, step]) => `${a}/${step}`),
    ...others,
  );
  return fc.array(term, { minLength: 1, maxLength: 3 }).map((terms) => terms.join(','));
}

const position = fc
  .tuple(fc.constantFrom('1st', '2nd', '3rd', '4th', '5th', 'last'), fc.constantFrom(...DAYS))
  .map((words) => words.join(' '));
const anyFields: fc.Arbitrary<Fields> = fc.record(
  {
    year: anyField(2026, 2030),
    month: anyField(1, 12, fc.constantFrom(...MONTHS), fc.constant('mar-oct')),
    day: anyField(1, 31, fc.constant('last'), position),
    week: fc.constant('*'),
    day_of_week: anyField(0, 6, fc.constantFrom(...DAYS), fc.constant('thu-sun')),
    hour: anyField(0, 23),
    minute: anyField(0, 59),
    second: anyField(0, 59),
  },
  { requiredKeys: [] },
);

it('gives any combination of fields the occurrences that the rules of APScheduler define', () => {
  let compared = 0;
  fc.assert(
    fc.property(anyFields, fc.integer({ min: 0, max: 300 }), (fields, days) => {
      const from = new Date(Date.UTC(2026, 0, 1 + days, 11, 22, 33));
      const expected = occurrencesByTheRules(fields, from, 12);
      let expression: string;
      try {
        expression = expressionOf(fields);
      } catch (error) {
        // Refused: a combination that one expression cannot say.
        if (error instanceof NotImportableError && fields.day?.includes(' ') && fields.day_of_week) return;
        throw error;
      }
      if (expected.length === 0) return;
      const occurrences = new CronOccurrences(expression, 'UTC');
      const found: string[] = [];
      for (let at: Date | null = from; found.length < expected.length; found.push(at!.toISOString()))
        at = occurrences.next(at!);
      expect(found).toEqual(expected);
      compared += found.length;
    }),
    { numRuns: 150 },
  );
  expect(compared).toBeGreaterThan(500);
});
