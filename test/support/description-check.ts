import { type CronCalendar, calendarOf } from '../../src/core/triggers/cron.calendar.js';
import { describeTrigger } from '../../src/core/triggers/describe-trigger.js';
import { DAY } from '../../src/core/triggers/zone.js';
import { meaningOf } from './description.js';

/** Over a year, so that each month and each weekday of each month occurs. */
const DAYS = 400;

/** A time of day or a day on which an expression does not do what its description says, or undefined. The days are those after
 *  `start`, and `seconds` are times of day in addition to those near an occurrence. The expression must have an occurrence. */
export function contradictionIn(expression: string, start: Date, seconds: number[]): string | undefined {
  const calendar = calendarOf(expression);
  const from = Math.floor(start.getTime() / DAY);
  const first = calendar.next(from * DAY) ?? calendar.previous(from * DAY)!;
  const description = describeCron(expression);
  const meaning = meaningOf(description);
  const midnight = Math.floor(first / DAY) * DAY;
  for (const second of [...neighbours((first - midnight) / 1000), ...seconds]) {
    const fires = isAt(calendar, midnight + second * 1000);
    if (meaning.time(second) !== fires) return `${description}: ${second} s after midnight is ${fires}`;
  }
  let next = calendar.next(from * DAY);
  for (let at = from; at < from + DAYS; at++) {
    if (next !== null && next < at * DAY) next = calendar.next(at * DAY);
    const fires = next !== null && next < (at + 1) * DAY;
    const date = new Date(at * DAY);
    if (meaning.day(date) !== fires) return `${description}: ${date.toISOString()} is ${fires}`;
  }
  return undefined;
}

const describeCron = (expression: string): string =>
  describeTrigger({ type: 'cron', expression, timeZone: 'UTC', startAt: null, endAt: null, jitterSeconds: 0 });

/** The times of day that differ from one of an occurrence in one field only. The times of an expression are a product of
 *  its fields, so these decide about all of them. */
const neighbours = (second: number): number[] => {
  const [h, m, s] = [Math.floor(second / 3600), Math.floor(second / 60) % 60, second % 60];
  const ofHour = Array.from({ length: 24 }, (_each, hour) => hour * 3600 + m * 60 + s);
  const ofMinutes = Array.from({ length: 60 }, (_each, minute) => h * 3600 + minute * 60 + s);
  return [...ofHour, ...ofMinutes, ...Array.from({ length: 60 }, (_each, each) => h * 3600 + m * 60 + each)];
};

const isAt = (calendar: CronCalendar, wall: number): boolean => calendar.next(wall) === wall;
