import { BY_CRON_RULE, type ClockChange, rulesOf } from './clock-change.js';
import { type CronCalendar, calendarOf } from './cron.calendar.js';
import { countByWalking, FIRST_INSTANT, LAST_INSTANT, type Occurrences } from './occurrences.js';
import { DAY, type Zone, zoneOf } from './zone.js';

/** The steps after which a search gives up: over fifty years of times that all fall into gaps. */
const ROUNDS = 200;

/** A cron expression in a time zone. Without a `clockChange`, the DST rules are those of Debian cron(8): a fixed time that a DST change
 *  skips runs right after the gap, and a fixed time in a repeated hour runs once. A time with a `*` or a step follows the wall clock.
 *  A date that a zone skips as a whole has no occurrences, whatever `clockChange` says. */
export class CronOccurrences implements Occurrences {
  private readonly calendar: CronCalendar;
  private readonly zone: Zone;
  private readonly rules: ReturnType<typeof rulesOf>;

  /** Throws INVALID_CRON when the expression cannot be parsed. */
  constructor(expression: string, timeZone: string, clockChange: ClockChange = BY_CRON_RULE) {
    this.calendar = calendarOf(expression);
    this.zone = zoneOf(timeZone);
    this.rules = rulesOf(clockChange, this.calendar.isFixed);
  }

  next(after: Date): Date | null {
    let from = Math.max(Math.floor(after.getTime() / 1000) * 1000 + 1000, FIRST_INSTANT);
    for (let round = 0; round < ROUNDS && from <= LAST_INSTANT; round++) {
      if (this.runsAfterGap(from)) return new Date(from);
      const offset = this.zone.offset(from);
      const wall = this.calendar.next(from + offset);
      const hit = wall === null ? Infinity : wall - offset;
      const change = this.zone.change(from, Math.min(hit, from + DAY));
      const shifted = this.shiftedFrom(from);
      if (shifted !== null && shifted <= hit) return new Date(shifted);
      const repeat = change === null && hit <= from + DAY ? this.leftOutAt(hit) : null;
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
      const shifted = this.shiftedUpTo(from);
      if (shifted !== null && shifted >= hit) return new Date(shifted);
      const repeat = change === null && hit >= from - DAY ? this.leftOutAt(hit) : null;
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

  /** True when a gap that skipped a time ends at `instant`, and such times run then. */
  private runsAfterGap(instant: number): boolean {
    const gap = this.rules.gap === 'run' ? this.gapEndingAt(instant) : null;
    const wall = gap && this.calendar.next(gap.change + gap.before);
    return wall !== null && wall < gap!.change + gap!.after;
  }

  /** The first occurrence at or after `from` that a gap shifted to later. */
  private shiftedFrom(from: number): number | null {
    const gap = this.shiftingGap(from);
    const wall = gap && this.calendar.next(from + gap.before);
    return wall !== null && wall < gap!.change + gap!.after ? wall - gap!.before : null;
  }

  /** The last occurrence at or before `from` that a gap shifted to later. */
  private shiftedUpTo(from: number): number | null {
    const gap = this.shiftingGap(from);
    const wall = gap && this.calendar.previous(Math.min(from + gap.before, gap.change + gap.after - 1000));
    return wall !== null && wall >= gap!.change + gap!.before ? wall - gap!.before : null;
  }

  /** The gap of the last day, if times in gaps are shifted. */
  private shiftingGap(instant: number): Gap | null {
    const change = this.rules.gap === 'shift' ? this.zone.change(instant - DAY, instant) : null;
    return change === null ? null : this.gapEndingAt(change);
  }

  /** A gap of a day or more is a skipped date and does not count. */
  private gapEndingAt(change: number): Gap | null {
    const [before, after] = [this.zone.offset(change - 1000), this.zone.offset(change)];
    return after > before && after - before < DAY ? { change, before, after } : null;
  }

  /** The pass of a repeated hour that is left out, when `instant` lies in it. */
  private leftOutAt(instant: number): { start: number; end: number } | null {
    if (this.rules.repeat === 'both') return null;
    const leavesOutFirst = this.rules.repeat === 'last';
    const change = this.zone.change(leavesOutFirst ? instant : instant - DAY, leavesOutFirst ? instant + DAY : instant);
    if (change === null) return null;
    const length = this.zone.offset(change - 1000) - this.zone.offset(change);
    const start = leavesOutFirst ? change - length : change;
    return instant >= start && instant < start + length ? { start, end: start + length } : null;
  }
}

/** Local times that a zone skips. In milliseconds. */
interface Gap {
  /** The first instant after the gap. */
  change: number;
  /** The offsets of the zone before and after it. */
  before: number;
  after: number;
}
