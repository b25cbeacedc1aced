import { MONTHS, shortName, WEEKDAYS } from './calendar-names.js';
import type { CronField } from './cron.fields.js';

/** The values of a field in their order. `first` is the number of the first, and `names` are their short names, if they have any. */
interface Values {
  first: number;
  count: number;
  names: readonly string[];
}

const DAYS: Values = { first: 0, count: 7, names: WEEKDAYS.map(shortName) };
const FULL_NAMES = new Set<string>([...WEEKDAYS, ...MONTHS].map((name) => name.toUpperCase()));

/** An invalid field as it was probably meant: with short names, and with each range that passes the last value as two ranges or as a
 *  list. The result may still be invalid. */
export function correctionOf({ name, steps }: CronField, text: string): string {
  if (!steps) return text;
  const short = text.toUpperCase().replace(/[A-Z]{4,}/g, (word) => (FULL_NAMES.has(word) ? shortName(word) : word));
  if (name === 'day-of-week') return unwrapRanges(short, DAYS);
  if (name === 'month') return unwrapRanges(short, { ...steps, names: MONTHS.map(shortName) });
  const dates = name === 'day-of-month' ? short.replace(/-L\b/g, '-31').replace(/\bW(\d+)\b/g, '$1W') : short;
  return unwrapRanges(dates, { ...steps, names: [] });
}

/** Replaces FRI-MON in a day-of-week by FRI-SAT,SUN-MON. */
export const unwrapWeekdays = (field: string): string => unwrapRanges(field, DAYS);

/** A rule that an invalid field breaks and that the list of valid values does not contain. Undefined where there is none. */
export function ruleFor(field: string, text: string): string | undefined {
  if (/^[HR](?![A-Z])/i.test(text))
    return `${text[0]} for a value that the scheduler chooses is not supported; jitterSeconds spreads the load`;
  return field === 'day-of-month' && /(^|,)L-\d+/i.test(text)
    ? 'from the end of the month there are only L (last day) and LW (last weekday)'
    : undefined;
}

/** A range with a `#` stays, since the `#` would restrict only the second part. */
function unwrapRanges(field: string, values: Values): string {
  const [, sign = '', items = ''] = /^(\+?)(.*)$/.exec(field)!;
  return (
    sign +
    items
      .split(',')
      .map((item) => unwrapRange(item, values))
      .join(',')
  );
}

function unwrapRange(item: string, values: Values): string {
  const [, from = '', to, by] = /^(\w+)(?:-(\w+))?(?:\/(\d+))?$/.exec(item) ?? [];
  const { count } = values;
  const indexOf = (word: string) => (/^\d+$/.test(word) ? Number(word) - values.first : values.names.indexOf(word));
  const isNamed = Number.isNaN(Number(from)) && (to === undefined || Number.isNaN(Number(to)));
  const wordAt = (index: number) => (isNamed ? values.names[index]! : String(index + values.first));
  const isSunday = values === DAYS && from === '7';
  if (to === undefined) return isSunday && by !== undefined ? `0/${by}` : item;
  if (from === to) return from;
  const [start, end, step] = [isSunday ? 0 : indexOf(from), indexOf(to), Number(by ?? 1)];
  if (start < 0 || end < 0 || start >= count || step === 0 || step > count) return item;
  if (start <= end) return isSunday ? item.replace('7', '0') : item;
  if (step > 1)
    return Array.from({ length: Math.floor((end + count - start) / step) + 1 }, (_each, n) =>
      wordAt((start + n * step) % count),
    ).join(',');
  return `${rangeOf(from, wordAt(count - 1))},${rangeOf(wordAt(0), to)}`;
}

const rangeOf = (from: string, to: string): string => (from === to ? from : `${from}-${to}`);
