import { LRUCache } from 'lru-cache';

export const DAY = 86_400_000;
const DAYS_KEPT = 512;

/** The offsets of one UTC day: `from` before the instant `change`, `to` from then on. Without a change, `change` is Infinity. */
interface ZoneDay {
  from: number;
  change: number;
  to: number;
}

/** The wall clock of a time zone. Instants, walls and offsets are in milliseconds, and wall = instant + offset.
 *  It finds at most one change of offset per UTC day. No zone has had more than one since 1970. */
export class Zone {
  private readonly days = new Map<number, ZoneDay>();
  private readonly format: Intl.DateTimeFormat;

  constructor(timeZone: string) {
    this.format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  }

  offset(instant: number): number {
    const { from, change, to } = this.day(Math.floor(instant / DAY));
    return instant < change ? from : to;
  }

  /** The first change of offset in (after, until], as the first instant with the new offset. Null when there is none. */
  change(after: number, until: number): number | null {
    for (let day = Math.floor(after / DAY); day * DAY <= until; day++) {
      const { change } = this.day(day);
      if (change > after && change <= until) return change;
    }
    return null;
  }

  private day(day: number): ZoneDay {
    const kept = this.days.get(day);
    if (kept) return kept;
    if (this.days.size >= DAYS_KEPT) this.days.clear();
    const found = this.computeDay(day * DAY);
    this.days.set(day, found);
    return found;
  }

  /** Starts one second early, because a change at the very start of a day belongs to that day. */
  private computeDay(start: number): ZoneDay {
    let [before, change] = [start - 1000, start + DAY - 1000];
    const [from, to] = [this.computeOffset(before), this.computeOffset(change)];
    if (from === to) return { from, change: Infinity, to };
    while (change - before > 1000) {
      const middle = before + Math.floor((change - before) / 2000) * 1000;
      if (this.computeOffset(middle) === from) before = middle;
      else change = middle;
    }
    return { from, change, to };
  }

  private computeOffset(instant: number): number {
    const part: Record<string, number> = {};
    for (const { type, value } of this.format.formatToParts(instant)) part[type] = Number(value);
    return Date.UTC(part.year!, part.month! - 1, part.day, part.hour, part.minute, part.second) - instant;
  }
}

const zones = new LRUCache<string, Zone>({ max: 600, memoMethod: (name) => new Zone(name) });

/** The zone with this IANA name, in upper or lower case. Throws a RangeError for an unknown name. */
export const zoneOf = (timeZone: string): Zone => zones.memo(timeZone.toLowerCase());
