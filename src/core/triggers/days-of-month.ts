import type { CronPattern } from 'croner';

/** The parts of a cron pattern that decide which dates match, apart from the year. */
export type DayRules = Pick<
  CronPattern,
  | 'day'
  | 'month'
  | 'dayOfWeek'
  | 'nearestWeekdays'
  | 'lastDayOfMonth'
  | 'lastWeekday'
  | 'starDOM'
  | 'starDOW'
  | 'useAndLogic'
>;

/** In croner's day-of-week masks, bit n - 1 stands for the nth such weekday of the month, and this bit for the last one. */
export const LAST = 0b100000;

/** The matching days of a month, numbered from 1. The month has `length` days, and its first day is `weekday` (0 is Sunday).
 *  When day-of-month and day-of-week are both restricted, either matches. With a `+` before day-of-week both must. */
export function daysOfMonth(rules: DayRules, length: number, weekday: number): number[] {
  const dates = datesOf(rules, length, weekday);
  const either = !rules.starDOM && !rules.starDOW && !rules.useAndLogic;
  return Array.from({ length }, (_each, index) => index + 1).filter((day) => {
    const byDate = rules.starDOM || dates.has(day);
    const byWeekday = rules.starDOW || isNthWeekday(rules, day, length, weekday);
    return either ? byDate || byWeekday : byDate && byWeekday;
  });
}

function datesOf(rules: DayRules, length: number, weekday: number): Set<number> {
  const isOn = (day: number): number => (day - 1 + weekday) % 7;
  const dates = new Set<number>();
  for (let day = 1; day <= length; day++) {
    if (rules.day[day - 1]) dates.add(day);
    if (rules.nearestWeekdays[day - 1]) dates.add(nearestWeekday(day, length, isOn(day)));
  }
  if (rules.lastDayOfMonth) dates.add(length);
  if (rules.lastWeekday) dates.add(nearestWeekday(length, length, isOn(length)));
  return dates;
}

/** Stays in the month: the weekday nearest to a Saturday the 1st is Monday the 3rd. */
function nearestWeekday(day: number, length: number, on: number): number {
  if (on === 6) return day === 1 ? 3 : day - 1;
  if (on === 0) return day === length ? day - 2 : day + 1;
  return day;
}

function isNthWeekday(rules: DayRules, day: number, length: number, weekday: number): boolean {
  const allowed = rules.dayOfWeek[(day - 1 + weekday) % 7]!;
  const isLast = day + 7 > length;
  return (allowed & (1 << (Math.ceil(day / 7) - 1))) !== 0 || (isLast && (allowed & LAST) !== 0);
}
