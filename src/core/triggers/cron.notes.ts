import type { CronPattern } from 'croner';
import { MONTHS, shortName, WEEKDAYS } from './calendar-names.js';
import { CRON_FIELDS, type CronField, withSecond } from './cron.fields.js';
import { parseCron, valuesOf } from './cron.pattern.js';
import { amountOf } from './number-words.js';

/** Notes on steps that do not divide their range, and on days that a chosen month does not have. */
export function cronNotes(expression: string): string[] {
  const given = expression.trim().split(/\s+/);
  if (given.length < 5) return [];
  const pattern = parseCron(expression);
  const texts = withSecond(given);
  return [
    ...CRON_FIELDS.flatMap((field, index) => stepNotes(field, texts[index] ?? '*', pattern)),
    ...skipNotes(pattern),
  ];
}

/** Names the gap only if it is one between occurrences, which other fields may change. */
function stepNotes(field: CronField, text: string, pattern: CronPattern): string[] {
  const written = field.steps && stepOf(field, text);
  if (!written) return [];
  const { from, step } = written;
  const { count, unit, cycle } = field.steps;
  const matched = valuesOf(pattern[field.parsed]);
  const gaps = matched.map((value, index) => (matched[index + 1] ?? matched[0]! + count) - value);
  const gap = gaps.find((each) => each !== step);
  const varies = field.name === 'day-of-month';
  if (gap === undefined && !varies) return [];
  const start = `${text} in the ${field.name} starts over`;
  if (!decidesAlone(field, pattern))
    return [`${start} at ${from} ${cycle === 'day' ? 'on' : 'in'} each ${cycle} that matches.`];
  return varies
    ? [`${start} each ${cycle}, so the last gap of a ${cycle} varies.`]
    : [`${start} each ${cycle}: the last gap is ${amountOf(gap!, unit)}, not ${step}.`];
}

/** The first value and the step of a field that is one step to the end of its range, such as 5/7 or 0-59/7. Null for a step of 1, and
 *  for a step in a part of the range, which shows where it ends. */
function stepOf({ name, steps }: CronField, text: string): { from: number; step: number } | null {
  const [, first = '', last, by] = /^(\*|\w+)(?:-(\w+))?\/(\d+)$/.exec(text) ?? [];
  const step = Number(by ?? 1);
  if (step === 1 || !steps) return null;
  const from = first === '*' ? steps.first : numberOf(first, name);
  const isWhole = last === undefined || numberOf(last, name) - from + 1 >= steps.count;
  return isWhole ? { from, step } : null;
}

function numberOf(word: string, field: string): number {
  if (/^\d+$/.test(word)) return Number(word);
  const names: readonly string[] = field === 'month' ? MONTHS : WEEKDAYS;
  return names.map(shortName).indexOf(word.toUpperCase()) + (field === 'month' ? 1 : 0);
}

/** Whether two occurrences are as far apart as two values of the field: smaller fields have one value, larger ones are open. */
function decidesAlone(field: CronField, pattern: CronPattern): boolean {
  const at = CRON_FIELDS.indexOf(field);
  return CRON_FIELDS.every((other, index) => {
    if (other === field) return true;
    const isSmaller = field.name === 'day-of-week' ? index < TIME_FIELDS : index < at;
    return isSmaller ? hasOneValue(other, pattern) : isOpen(other, pattern);
  });
}

/** The first fields are the time of day. */
const TIME_FIELDS = 3;

function hasOneValue({ name, parsed }: CronField, pattern: CronPattern): boolean {
  const values = valuesOf(pattern[parsed]);
  if (name !== 'day-of-month') return values.length === 1;
  const { nearestWeekdays, lastDayOfMonth, lastWeekday } = pattern;
  const dates = [...values, ...valuesOf(nearestWeekdays)];
  return dates.length + Number(lastDayOfMonth) + Number(lastWeekday) === 1 && (dates[0] ?? 0) < SHORTEST_MONTH;
}

/** In days. Every month has the dates below it, counted from 0. */
const SHORTEST_MONTH = 28;

function isOpen({ name, parsed, steps }: CronField, pattern: CronPattern): boolean {
  if (name === 'day-of-month') return pattern.starDOM;
  if (name === 'day-of-week') return pattern.starDOW;
  return steps ? valuesOf(pattern[parsed]).length === steps.count : pattern.starYear;
}

function skipNotes({ nearestWeekdays, month, starYear, year }: CronPattern): string[] {
  const hasCommonYear = starYear || valuesOf(year).some((each) => !isLeap(each));
  const lengths = [31, hasCommonYear ? 28 : 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
  const shortest = Math.min(...valuesOf(month).map((each) => lengths[each]!));
  return valuesOf(nearestWeekdays, 1)
    .filter((day) => day > shortest)
    .map((day) => `${day}W skips months without a day ${day}. LW is the last weekday of every month.`);
}

const isLeap = (year: number): boolean => year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
