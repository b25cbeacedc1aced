import { MONTHS, shortName, WEEKDAYS } from './calendar-names.js';

/** The names of a field, and the number of the first. */
const NAMED: Record<string, { names: readonly string[]; first: number }> = {
  'day-of-week': { names: WEEKDAYS, first: 0 },
  month: { names: MONTHS, first: 1 },
};

/** An invalid field with its full names shortened and with each range that passes the end of the week or of the year as two ranges.
 *  The result may still be invalid. */
export function correctionOf(field: string, text: string): string {
  const named = NAMED[field];
  if (!named) return text;
  const isName = (word: string) => named.names.some((name) => name.toUpperCase() === word);
  const short = text.toUpperCase().replace(/[A-Z]{4,}/g, (word) => (isName(word) ? shortName(word) : word));
  return unwrapRanges(short, named.names.map(shortName), named.first);
}

/** A rule that an invalid field breaks and that the list of valid values does not contain. Undefined where there is none. */
export function ruleFor(field: string, text: string): string | undefined {
  return field === 'day-of-month' && /(^|,)L-\d+/i.test(text)
    ? 'from the end of the month there are only L (last day) and LW (last weekday)'
    : undefined;
}

/** Replaces FRI-MON by FRI-SAT,SUN-MON, and 5-1 likewise. A range with a step or a `#` stays, since the step would start over and the
 *  `#` would restrict only the second part. A range of one value becomes the value, because croner reads SUN-SUN as the whole week. */
export function unwrapRanges(field: string, names: string[], first: number): string {
  const distinct = field.replace(/\b(\w+)-\1(?:\/\d+)?(?![\w/#-])/g, '$1');
  return distinct.replace(/\b(\w+)-(\w+)(?![\w/#-])/g, (range: string, from: string, to: string) => {
    const values = /^\d+$/.test(from + to) ? names.map((_name, index) => String(index + first)) : names;
    const [start, end] = [values.indexOf(from), values.indexOf(to)];
    if (start < 0 || end < 0 || start <= end) return range;
    return `${rangeOf(from, values.at(-1)!)},${rangeOf(values[0]!, to)}`;
  });
}

const rangeOf = (from: string, to: string): string => (from === to ? from : `${from}-${to}`);
