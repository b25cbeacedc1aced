import { MONTHS, shortName, WEEKDAYS } from './calendar-names.js';

/** The names of a field, and the number of the first. */
const NAMED: Record<string, { names: readonly string[]; first: number }> = {
  'day-of-week': { names: WEEKDAYS, first: 0 },
  month: { names: MONTHS, first: 1 },
};

/** What to write instead of an invalid field, when it is clear what was meant. Undefined when it is not. */
export function hintFor(field: string, text: string): string | undefined {
  if (field === 'day-of-month' && /(^|,)L-\d+/i.test(text))
    return 'days counted from the end of the month cannot be written, except L and LW';
  const named = NAMED[field];
  if (!named) return undefined;
  const isName = (word: string) => named.names.some((name) => name.toUpperCase() === word);
  const short = text.toUpperCase().replace(/[A-Z]{4,}/g, (word) => (isName(word) ? shortName(word) : word));
  const written = short.replace(/(\w+)-(\w+)/g, (range: string, from: string, to: string) => {
    return unwrapped(named.names.map(shortName), named.first, from, to) ?? range;
  });
  return written === text.toUpperCase() ? undefined : `write ${written}`;
}

/** A range that passes the end of the week or of the year, as two ranges. Undefined for other ranges. */
function unwrapped(names: string[], first: number, from: string, to: string): string | undefined {
  const values = /^\d+$/.test(from + to) ? names.map((_name, index) => String(index + first)) : names;
  const [start, end] = [values.indexOf(from), values.indexOf(to)];
  if (start < 0 || end < 0 || start <= end) return undefined;
  return `${rangeOf(from, values.at(-1)!)},${rangeOf(values[0]!, to)}`;
}

const rangeOf = (from: string, to: string): string => (from === to ? from : `${from}-${to}`);
