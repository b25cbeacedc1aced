import { remember } from './remember.js';

export const DAY = 86_400_000;
const DAYS_KEPT = 512;

/** The offsets of one UTC day: `from` until `change`, then `to`. Without a change, `change` is Infinity. */
interface ZoneDay {
  from: number;
  change: number;
  to: number;
}

/** The wall clock of a time zone. Instants, walls and offsets are milliseconds; wall = instant + offset.
 *  At most one change of offset per UTC day is known of, which holds for every zone since 1970. */
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

  /** The first change of offset in (after, until], as the first instant with the new offset; null: there is none. */
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
    const found = this.look(day * DAY);
    this.days.set(day, found);
    return found;
  }

  /** A change at the very start of a day belongs to it, hence the second before. */
  private look(start: number): ZoneDay {
    let [before, change] = [start - 1000, start + DAY - 1000];
    const [from, to] = [this.ask(before), this.ask(change)];
    if (from === to) return { from, change: Infinity, to };
    while (change - before > 1000) {
      const middle = before + Math.floor((change - before) / 2000) * 1000;
      if (this.ask(middle) === from) before = middle;
      else change = middle;
    }
    return { from, change, to };
  }

  private ask(instant: number): number {
    const part: Record<string, number> = {};
    for (const { type, value } of this.format.formatToParts(instant)) part[type] = Number(value);
    return Date.UTC(part.year!, part.month! - 1, part.day, part.hour, part.minute, part.second) - instant;
  }
}

const zones = remember(600, (key) => new Zone(key));

/** The zone of an IANA name, upper and lower case alike. */
export const zoneOf = (timeZone: string): Zone => zones(timeZone.toLowerCase());

/** Whether it is an IANA name; an offset such as +02:00 is not. */
export function isTimeZone(name: string): boolean {
  if (!/^[a-z][\w+/-]*$/i.test(name)) return false;
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: name }) instanceof Intl.DateTimeFormat;
  } catch {
    return false;
  }
}
