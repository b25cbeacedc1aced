import { type CronCalendar, calendarOf } from './cron.calendar.js';
import { countByWalking, FIRST_INSTANT, LAST_INSTANT, type Occurrences } from './occurrences.js';
import { DAY, type Zone, zoneOf } from './zone.js';

/** The steps after which a search gives up: over fifty years of times that all fall into gaps. */
const ROUNDS = 200;

/** A cron expression in a time zone, with the DST rules of Debian cron(8). A fixed time that a DST change skips runs right after
 *  the gap, and a fixed time in a repeated hour runs once. A time with a `*` or a step follows the wall clock. A date that a
 *  zone skips as a whole has no occurrences. */
export class CronOccurrences implements Occurrences {
  private readonly calendar: CronCalendar;
  private readonly zone: Zone;

  /** Throws INVALID_CRON when the expression cannot be parsed. */
  constructor(expression: string, timeZone: string) {
    this.calendar = calendarOf(expression);
    this.zone = zoneOf(timeZone);
  }

  next(after: Date): Date | null {
    let from = Math.max(Math.floor(after.getTime() / 1000) * 1000 + 1000, FIRST_INSTANT);
    for (let round = 0; round < ROUNDS && from <= LAST_INSTANT; round++) {
      if (this.runsAfterGap(from)) return new Date(from);
      const offset = this.zone.offset(from);
      const wall = this.calendar.next(from + offset);
      const hit = wall === null ? Infinity : wall - offset;
      const change = this.zone.change(from, Math.min(hit, from + DAY));
      const repeat = change === null && hit <= from + DAY ? this.repeatAt(hit) : null;
      if (change !== null) from = change;
      else if (repeat) from = repeat.end;
      else if (hit > from + DAY) from = Math.max(from + DAY, hit - 2 * DAY);
      else return hit <= LAST_INSTANT ? new Date(hit) : null;
    }
    return null;
  }

  previous(before: Date): Date | null {
    let from = Math.min(Math.ceil(before.getTime() / 1000) * 1000, LAST_INSTANT + 1) - 1000;
    for (let round = 0; round < ROUNDS && from >= FIRST_INSTANT; round++) {
      const offset = this.zone.offset(from);
      const wall = this.calendar.previous(from + offset);
      const hit = wall === null ? -Infinity : wall - offset;
      const change = this.zone.change(Math.max(hit, from - DAY), from);
      const repeat = change === null && hit >= from - DAY ? this.repeatAt(hit) : null;
      if (change !== null && this.runsAfterGap(change)) return new Date(change);
      if (change !== null) from = change - 1000;
      else if (repeat) from = repeat.start - 1000;
      else if (hit < from - DAY) from = Math.min(from - DAY, hit + 2 * DAY);
      else return hit >= FIRST_INSTANT ? new Date(hit) : null;
    }
    return null;
  }

  count(from: Date, to: Date, limit: number): number | null {
    return countByWalking((after) => this.next(after), from, to, limit);
  }

  /** True when a gap that skipped a fixed time ends at `instant`. A gap of a day or more is a skipped date and does not count. */
  private runsAfterGap(instant: number): boolean {
    if (!this.calendar.isFixed) return false;
    const [before, after] = [this.zone.offset(instant - 1000), this.zone.offset(instant)];
    if (after <= before || after - before >= DAY) return false;
    const wall = this.calendar.next(instant + before);
    return wall !== null && wall < instant + after;
  }

  /** The second pass of a repeated hour, when `instant` lies in one. Null otherwise, and for times that follow the wall clock. */
  private repeatAt(instant: number): { start: number; end: number } | null {
    if (!this.calendar.isFixed) return null;
    const start = this.zone.change(instant - DAY, instant);
    if (start === null) return null;
    const end = start + this.zone.offset(start - 1000) - this.zone.offset(start);
    return instant < end ? { start, end } : null;
  }
}
