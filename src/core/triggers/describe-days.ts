import type { CronPattern } from 'croner';
import { MONTHS, WEEKDAYS } from './calendar-names.js';
import { LAST } from './days-of-month.js';
import { listOf, rangesOf, unitsOf } from './number-words.js';
import { valuesOf } from './cron.pattern.js';

/** Monday first, because a range that is named here should be one in the calendar: "Friday through Sunday". */
const FROM_MONDAY = [...WEEKDAYS.slice(1), WEEKDAYS[0]];
const ORDINALS = ['first', 'second', 'third', 'fourth', 'fifth', 'last'];

/** The mask of a weekday that matches in each week of the month, without the bit for the last one. */
const EACH_WEEK = 0b11111;

/** The days of a cron pattern, as phrases such as "on day 1 of the month, or on Monday" and "in January". Empty for all days. */
export function describeDays(pattern: CronPattern): string[] {
  return [daysOf(pattern), monthsOf(valuesOf(pattern.month)), yearsOf(pattern)].filter((words) => words !== null);
}

function daysOf(pattern: CronPattern): string | null {
  const { starDOM, starDOW, useAndLogic } = pattern;
  const dates = datesOf(pattern);
  const weekdays = weekdaysOf(pattern.dayOfWeek);
  if (starDOM || starDOW || useAndLogic) {
    return dates !== null && weekdays !== null ? `${dates}, but only ${weekdays}` : (dates ?? weekdays);
  }
  return dates === null || weekdays === null ? 'every day' : `${dates}, or ${weekdays}`;
}

/** Null when every date matches. */
function datesOf({ starDOM, day, nearestWeekdays, lastDayOfMonth, lastWeekday }: CronPattern): string | null {
  const days = valuesOf(day, 1);
  if (starDOM || days.length === 31) return null;
  const nearest = valuesOf(nearestWeekdays, 1);
  const phrases = [
    days.length > 0 && `on ${unitsOf('day', days)} of the month`,
    nearest.length > 0 && `on the weekday nearest to ${unitsOf('day', nearest)} of the month`,
    lastDayOfMonth && 'on the last day of the month',
    lastWeekday && 'on the last weekday of the month',
  ];
  return listOf(phrases.filter((phrase) => phrase !== false));
}

/** Null when every weekday matches. `masks` begins with Sunday. */
function weekdaysOf(masks: number[]): string | null {
  const byMask = new Map<number, number[]>();
  for (let weekday = 0; weekday < 7; weekday++) {
    const mask = masks[(weekday + 1) % 7]!;
    const key = (mask & EACH_WEEK) === EACH_WEEK ? EACH_WEEK : mask;
    if (mask !== 0) byMask.set(key, [...(byMask.get(key) ?? []), weekday]);
  }
  const phrases = [...byMask]
    .toSorted(([a], [b]) => Number(b === EACH_WEEK) - Number(a === EACH_WEEK))
    .map(([mask, days]) => (mask === EACH_WEEK ? eachWeek(days) : nthWeekdays(mask, days)));
  return byMask.get(EACH_WEEK)?.length === 7 ? null : listOf(phrases);
}

const eachWeek = (days: number[]): string => {
  const names = rangesOf(days, (day) => FROM_MONDAY[day]!);
  return names.length === 1 && days.length > 1 ? names[0]! : `on ${listOf(names)}`;
};

function nthWeekdays(mask: number, days: number[]): string {
  const ordinals = ORDINALS.filter((_word, bit) => mask & (bit === 5 ? LAST : 1 << bit));
  return `on the ${listOf(ordinals)} ${listOf(days.map((day) => FROM_MONDAY[day]!))} of the month`;
}

function monthsOf(months: number[]): string | null {
  if (months.length === 12) return null;
  const names = rangesOf(months, (month) => MONTHS[month]!);
  return names.length === 1 && months.length > 1 ? names[0]! : `in ${listOf(names)}`;
}

function yearsOf({ starYear, year }: CronPattern): string | null {
  const years = starYear ? [] : valuesOf(year).filter((each) => each >= FIRST_YEAR && each <= LAST_YEAR);
  if (starYear || years.length === LAST_YEAR - FIRST_YEAR + 1) return null;
  return `in ${unitsOf('year', years).replace(/^years? /, '')}`;
}

const FIRST_YEAR = 1970;
const LAST_YEAR = 9999;
