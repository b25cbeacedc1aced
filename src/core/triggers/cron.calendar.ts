import { CronDays } from './cron.days.js';
import { parseCron } from './cron.pattern.js';
import { CronTimes } from './cron.times.js';
import { remember } from './remember.js';
import { DAY } from './zone.js';

/** The walls (milliseconds of a clock without a zone) at which a cron expression matches. */
export class CronCalendar {
  /** No `*` and no step in second, minute and hour: a fixed time of day. */
  readonly isFixed: boolean;
  /** Day-of-month and day-of-week are both restricted, and either matches. */
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

  /** The first matching wall from `wall` on, or null. */
  next(wall: number): number | null {
    const today = Math.floor(wall / DAY);
    const day = this.days.next(today);
    const time = day === today ? this.times.next(secondOf(wall)) : this.times.next(0);
    if (day === null || time !== null) return at(day, time);
    return at(this.days.next(today + 1), this.times.next(0));
  }

  /** The last matching wall up to `wall`, or null. */
  previous(wall: number): number | null {
    const today = Math.floor(wall / DAY);
    const day = this.days.previous(today);
    const time = day === today ? this.times.previous(secondOf(wall)) : this.times.previous(LAST_SECOND);
    if (day === null || time !== null) return at(day, time);
    return at(this.days.previous(today - 1), this.times.previous(LAST_SECOND));
  }

  /** The fewest seconds between two matching walls; Infinity when there are fewer than two. */
  shortestGap(): number {
    return this.times.shortestGap(this.days.shortestGap());
  }
}

const LAST_SECOND = 86_399;
const secondOf = (wall: number): number => Math.floor((wall - Math.floor(wall / DAY) * DAY) / 1000);
const at = (day: number | null, time: number | null): number | null =>
  day === null || time === null ? null : day * DAY + time * 1000;

/** The calendar of an expression, shared by all jobs that use it. Throws a 422 for one that cannot be read. */
export const calendarOf = remember(1000, (expression) => new CronCalendar(expression));
