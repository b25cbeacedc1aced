import { NotImportableError } from './import-result.js';

/** From the widest to the narrowest, in the order of APScheduler. */
const FIELDS = ['year', 'month', 'day', 'week', 'day_of_week', 'hour', 'minute', 'second'] as const;
type Field = (typeof FIELDS)[number];
type Fields = Record<Field, string>;

const LEAST: Record<Field, number> = {
  year: 1970,
  month: 1,
  day: 1,
  week: 1,
  day_of_week: 0,
  hour: 0,
  minute: 0,
  second: 0,
};
const MOST: Record<Field, number> = {
  year: 9999,
  month: 12,
  day: 31,
  week: 53,
  day_of_week: 6,
  hour: 23,
  minute: 59,
  second: 59,
};
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
/** In APScheduler, Monday is 0. */
const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
const POSITIONS = ['1st', '2nd', '3rd', '4th', '5th', 'last'];

/** The cron expression for the fields of an APScheduler job. Absent fields have the defaults of APScheduler. Throws a
 *  NotImportableError when one expression cannot say the same. */
export function expressionOf(given: Partial<Record<Field, string | undefined>>): string {
  const fields = withDefaults(given);
  if (!terms('week', fields.week).includes('*'))
    throw new NotImportableError(
      `week "${fields.week}": a cron expression has no field for weeks of the year; name days or months instead`,
    );
  const [day, weekday] = daysOf(fields);
  const all = [
    numbers('second', fields),
    numbers('minute', fields),
    numbers('hour', fields),
    day,
    numbers('month', fields),
    weekday,
  ];
  const year = numbers('year', fields);
  if (year !== '*') return [...all, year].join(' ');
  return (all[0] === '0' ? all.slice(1) : all).join(' ');
}

/** Absent fields that are narrower than the narrowest given one have their lowest value; wider ones are `*`. */
function withDefaults(given: Partial<Record<Field, string | undefined>>): Fields {
  const isGiven = (field: Field) => given[field] !== undefined;
  const narrowest = FIELDS.findLastIndex(isGiven);
  const entries = FIELDS.map((field, index) => {
    const isOpen = index < narrowest || narrowest < 0 || ['year', 'week', 'day_of_week'].includes(field);
    return [field, given[field] ?? (isOpen ? '*' : String(LEAST[field]))];
  });
  return Object.fromEntries(entries) as Fields;
}

const terms = (field: Field, text: string): string[] => {
  const all = text.trim().toLowerCase().split(/ *, */);
  return all.includes('*') || all.includes('*/1') ? ['*'] : all.map((term) => normalized(field, term));
};

/** A term with numbers instead of names, with the end of the range for `a/n`, and with `a` for `a-a`. */
function normalized(field: Field, term: string): string {
  const names = { month: MONTHS, day_of_week: WEEKDAYS }[field as string];
  const [, first, last, step] = /^([a-z]+|\d+)(?:-([a-z]+|\d+))?(?:\/(\d+))?$/.exec(term) ?? [];
  if (/^\*\/[1-9]\d*$/.test(term)) return `${LEAST[field]}-${MOST[field]}${term.slice(1)}`;
  if (first === undefined) return term;
  const isNamed = /[a-z]/.test(first);
  if (isNamed && step !== undefined)
    throw new NotImportableError(
      `${field} "${term}": APScheduler ignores a step after names; name the days that you mean`,
    );
  const numberOf = (text: string) =>
    isNamed ? (names?.indexOf(text) ?? -1) + (field === 'month' ? 1 : 0) : Number(text);
  const from = numberOf(first);
  const to = last === undefined ? (step === undefined ? from : MOST[field]) : numberOf(last);
  if (isNamed && !(names?.includes(first) && (last === undefined || names.includes(last)))) return term;
  if (from > to || from < LEAST[field] || to > MOST[field] || step === '0')
    throw new NotImportableError(`${field} "${term}" is out of range; the range is ${LEAST[field]} to ${MOST[field]}`);
  return `${from}${from === to ? '' : `-${to}`}${step === undefined || from === to ? '' : `/${step}`}`;
}

function numbers(field: Field, fields: Fields): string {
  const all = terms(field, fields[field]);
  const invalid = all.find((term) => !/^(\*|\d+(-\d+(\/\d+)?)?)$/.test(term));
  if (invalid !== undefined) throw new NotImportableError(`${field} "${invalid}" is not valid in APScheduler`);
  return all.join(',');
}

/** The day-of-month and day-of-week fields of the expression. In APScheduler both must match, and `2nd fri` is written in
 *  the day of month. */
function daysOf(fields: Fields): [string, string] {
  const allowed = weekdaysOf(fields);
  const days: string[] = [];
  const positions: [weekday: number, position: number][] = [];
  for (const term of terms('day', fields.day)) {
    const [, position, weekday] = /^(1st|2nd|3rd|4th|5th|last) +([a-z]+)$/.exec(term) ?? [];
    if (position !== undefined && WEEKDAYS.includes(weekday!))
      positions.push([WEEKDAYS.indexOf(weekday!), POSITIONS.indexOf(position)]);
    else days.push(term === 'last' ? 'L' : numbers('day', { ...fields, day: term }));
  }
  if (days.includes('*')) return ['*', allowed.length === 7 ? '*' : cronWeekdays(allowed)];
  if (positions.length === 0) return [days.join(','), allowed.length === 7 ? '*' : `+${cronWeekdays(allowed)}`];
  const kept = positions.filter(([weekday]) => allowed.includes(weekday));
  if (days.length > 0 && allowed.length < 7)
    throw new NotImportableError(
      `day "${fields.day}" with day_of_week "${fields.day_of_week}": make one job for each part of the day field`,
    );
  if (kept.length === 0)
    throw new NotImportableError(`day "${fields.day}" with day_of_week "${fields.day_of_week}" never fires`);
  // Days of month and positions: any of them matches, as when both fields of our expression are restricted.
  return [days.join(',') || '*', kept.map(([weekday, position]) => cronPosition(weekday, position)).join(',')];
}

/** The weekdays that match; 0 is Monday. */
function weekdaysOf(fields: Fields): number[] {
  const all = numbers('day_of_week', fields);
  if (all === '*') return [0, 1, 2, 3, 4, 5, 6];
  const matching = all.split(',').flatMap((term) => {
    const [from = 0, to = from, step = 1] = term.split(/[-/]/).map(Number);
    return Array.from({ length: Math.floor((to - from) / step) + 1 }, (_each, index) => from + index * step);
  });
  return [...new Set(matching)].toSorted((a, b) => a - b);
}

const cronName = (weekday: number): string => WEEKDAYS[weekday]!.toUpperCase();

/** Names instead of numbers, because 0 is another day in cron. Monday to Friday is a range. */
function cronWeekdays(weekdays: number[]): string {
  const names = weekdays.map(cronName).join(',');
  return names.replace('MON,TUE,WED,THU,FRI', 'MON-FRI');
}

const cronPosition = (weekday: number, position: number): string =>
  `${cronName(weekday)}${position === POSITIONS.length - 1 ? 'L' : `#${position + 1}`}`;
