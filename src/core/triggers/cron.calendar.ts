import { LRUCache } from 'lru-cache';
import { CronDays } from './cron.days.js';
import { parseCron } from './cron.pattern.js';
import { CronTimes } from './cron.times.js';
import { DAY } from './zone.js';

/** The wall-clock times at which a cron expression matches. A wall is a local time in milliseconds, without its zone. */
export class CronCalendar {
  /** True when second, minute and hour have no `*` and no step. */
  readonly isFixed: boolean;
  /** True when day-of-month and day-of-week are both restricted, and a day that matches either of them matches. */
  readonly isEitherDay: boolean;
  private readonly days: CronDays;
  private readonly times: CronTimes;

  constructor(expression: string) {
    const pattern = parseCron(expression);
    this.isFixed = pattern.isFixedTime;
    this.isEitherDay = !pattern.starDOM && !pattern.starDOW && !pattern.useAndLogic;
    this.days = new CronDays(pattern);
    this.times = new CronTimes(pattern);
  }

  /** The first matching wall at or after `wall`, or null. */
  next(wall: number): number | null {
    const today = Math.floor(wall / DAY);
    const day = this.days.next(today);
    const time = day === today ? this.times.next(secondOf(wall)) : this.times.next(0);
    if (day === null || time !== null) return at(day, time);
    return at(this.days.next(today + 1), this.times.next(0));
  }

  /** The last matching wall at or before `wall`, or null. */
  previous(wall: number): number | null {
    const today = Math.floor(wall / DAY);
    const day = this.days.previous(today);
    const time = day === today ? this.times.previous(secondOf(wall)) : this.times.previous(LAST_SECOND);
    if (day === null || time !== null) return at(day, time);
    return at(this.days.previous(today - 1), this.times.previous(LAST_SECOND));
  }

  /** The shortest distance between two matching walls, in seconds. Infinity when there are fewer than two. */
  shortestGap(): number {
    return this.times.shortestGap(this.days.shortestGap());
  }
}

const LAST_SECOND = 86_399;
const secondOf = (wall: number): number => Math.floor((wall - Math.floor(wall / DAY) * DAY) / 1000);
const at = (day: number | null, time: number | null): number | null =>
  day === null || time === null ? null : day * DAY + time * 1000;

const calendars = new LRUCache<string, CronCalendar>({
  max: 1000,
  memoMethod: (expression) => new CronCalendar(expression),
});

/** The calendar of an expression, which all jobs with that expression share. Throws INVALID_CRON when it cannot be parsed. */
export const calendarOf = (expression: string): CronCalendar => calendars.memo(expression);
