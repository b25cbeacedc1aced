const WEEKDAYS = ['SUNDAY', 'MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY'];
const MONTHS = [
  'JANUARY',
  'FEBRUARY',
  'MARCH',
  'APRIL',
  'MAY',
  'JUNE',
  'JULY',
  'AUGUST',
  'SEPTEMBER',
  'OCTOBER',
  'NOVEMBER',
  'DECEMBER',
];
const NAMES: Record<string, string[]> = { 'day-of-week': WEEKDAYS, month: MONTHS };

/** What to write instead of an invalid field, when it is clear what was meant. Undefined when it is not. */
export function hintFor(field: string, text: string): string | undefined {
  if (field === 'day-of-month' && /(^|,)L-\d+/i.test(text))
    return 'days counted from the end of the month cannot be written, except L and LW';
  const names = NAMES[field];
  if (!names) return undefined;
  const short = text.toUpperCase().replace(/[A-Z]{4,}/g, (word) => (names.includes(word) ? word.slice(0, 3) : word));
  const written = short.replace(
    /(\w+)-(\w+)/g,
    (range: string, from: string, to: string) => unwrapped(names, from, to) ?? range,
  );
  return written === text.toUpperCase() ? undefined : `write ${written}`;
}

/** A range that passes the end of the week or the year as two ranges. Undefined for other ranges. */
function unwrapped(names: string[], from: string, to: string): string | undefined {
  const first = names === MONTHS ? 1 : 0;
  const [start, end] = [from, to].map((text) => (/^\d+$/.test(text) ? Number(text) - first : indexOf(names, text)));
  if (start === undefined || end === undefined || start <= end) return undefined;
  const numbers = /^\d+$/.test(from);
  const nameOf = (index: number) => (numbers ? String(index + first) : names[index]!.slice(0, 3));
  const last = nameOf(names.length - 1);
  const begin = nameOf(0);
  return `${from === last ? last : `${from}-${last}`},${to === begin ? begin : `${begin}-${to}`}`;
}

function indexOf(names: string[], text: string): number | undefined {
  const index = names.findIndex((name) => name.slice(0, 3) === text);
  return index < 0 ? undefined : index;
}
