import type { CronPattern } from 'croner';
import { type DayRules, daysOfMonth } from './days-of-month.js';
import { DAY } from './zone.js';

const FIRST_YEAR = 1970;
const LAST_YEAR = 9999;
/** The calendar, weekdays included, repeats after this many years. Within them a date recurs on its weekday after at most 40. */
const CYCLE = 400;

/** The dates of a cron pattern from 1970 to 9999, as days since 1970-01-01. */
export class CronDays {
  /** 1 for each matching year, indexed by year. Null when every year matches. */
  private readonly years: Uint8Array | null;
  /** No year outside these two matches. */
  private readonly firstYear: number;
  private readonly lastYear: number;
  /** Matching days by kind of year. There are 14 kinds: common and leap years, by the weekday of January 1. */
  private readonly kinds: (YearDays | undefined)[] = [];

  private readonly rules: DayRules;

  constructor({ year, starYear, ...rules }: CronPattern) {
    this.years = starYear ? null : Uint8Array.from(year); // croner's list of years takes 80 KB.
    this.firstYear = Math.max(FIRST_YEAR, this.years?.indexOf(1) ?? FIRST_YEAR);
    this.lastYear = this.years?.lastIndexOf(1) ?? LAST_YEAR;
    this.rules = rules;
  }

  /** The first matching day at or after `day`, or null. */
  next(day: number): number | null {
    const start = yearOf(Math.max(day, 0));
    const end = this.years ? this.lastYear : Math.min(LAST_YEAR, start + CYCLE);
    for (let year = start; year <= end; year++) {
      const first = firstOf(year);
      const found = this.daysOf(year, first).list.find((each) => first + each >= day);
      if (found !== undefined) return first + found;
    }
    return null;
  }

  /** The last matching day at or before `day`, or null. */
  previous(day: number): number | null {
    const start = yearOf(day);
    const end = this.years ? this.firstYear : Math.max(FIRST_YEAR, start - CYCLE);
    for (let year = start; year >= end; year--) {
      const first = firstOf(year);
      const found = this.daysOf(year, first).list.findLast((each) => first + each <= day);
      if (found !== undefined) return first + found;
    }
    return null;
  }

  /** The shortest distance between two matching days, in days. Infinity when there are fewer than two. */
  shortestGap(): number {
    let shortest = Infinity;
    let last = -Infinity;
    const end = this.years ? this.lastYear : FIRST_YEAR + CYCLE + 40;
    for (let year = FIRST_YEAR; year <= end && shortest > 1; year++) {
      const first = firstOf(year);
      const { list, gap } = this.daysOf(year, first);
      if (list.length === 0) continue;
      shortest = Math.min(shortest, gap, first + list[0]! - last);
      last = first + list.at(-1)!;
    }
    return shortest;
  }

  private daysOf(year: number, first: number): YearDays {
    if (this.years && this.years[year] !== 1) return NONE;
    const weekday = (first + 4) % 7; // 1970-01-01 was a Thursday.
    const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
    return (this.kinds[isLeap ? weekday + 7 : weekday] ??= daysOfYear(this.rules, isLeap, weekday));
  }
}

/** The matching days of a year, as days since January 1, and the shortest distance between two of them. */
interface YearDays {
  list: number[];
  gap: number;
}
const NONE: YearDays = { list: [], gap: Infinity };

function daysOfYear(rules: DayRules, isLeap: boolean, weekday: number): YearDays {
  const lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
  const list: number[] = [];
  let first = 0;
  for (const [month, length] of lengths.entries()) {
    if (rules.month[month]) {
      for (const day of daysOfMonth(rules, length, (weekday + first) % 7)) list.push(first + day - 1);
    }
    first += length;
  }
  const gap = list.reduce((least, day, index) => Math.min(least, day - (list[index - 1] ?? -Infinity)), Infinity);
  return { list, gap };
}

const yearOf = (day: number): number => new Date(day * DAY).getUTCFullYear();
const firstOf = (year: number): number => Date.UTC(year, 0, 1) / DAY;
