import type { CronPattern } from 'croner';
import { valuesOf } from './cron.pattern.js';

/** The times of day of a cron pattern, as seconds since midnight. */
export class CronTimes {
  private readonly hours: number[];
  private readonly minutes: number[];
  private readonly seconds: number[];

  constructor(pattern: CronPattern) {
    this.hours = valuesOf(pattern.hour);
    this.minutes = valuesOf(pattern.minute);
    this.seconds = valuesOf(pattern.second);
  }

  /** The first matching time at or after `time`, or null. */
  next(time: number): number | null {
    const [hour, minute, second] = split(time);
    for (const h of this.hours) {
      if (h < hour) continue;
      for (const m of this.minutes) {
        if (h === hour && m < minute) continue;
        const s = h === hour && m === minute ? this.seconds.find((each) => each >= second) : this.seconds[0];
        if (s !== undefined) return h * 3600 + m * 60 + s;
      }
    }
    return null;
  }

  /** The last matching time at or before `time`, or null. */
  previous(time: number): number | null {
    const [hour, minute, second] = split(time);
    for (const h of this.hours.toReversed()) {
      if (h > hour) continue;
      for (const m of this.minutes.toReversed()) {
        if (h === hour && m > minute) continue;
        const s = h === hour && m === minute ? this.seconds.findLast((each) => each <= second) : this.seconds.at(-1);
        if (s !== undefined) return h * 3600 + m * 60 + s;
      }
    }
    return null;
  }

  /** The shortest distance between two matching times, in seconds. Matching days are at least `days` days apart. */
  shortestGap(days: number): number {
    const first = this.next(0)!;
    let gap = Infinity;
    let last = first;
    for (let time = this.next(first + 1); time !== null; time = this.next(time + 1)) {
      gap = Math.min(gap, time - last);
      if (gap === 1) return gap;
      last = time;
    }
    return Math.min(gap, days * 86_400 - last + first);
  }
}

const split = (time: number): [number, number, number] => [
  Math.floor(time / 3600),
  Math.floor(time / 60) % 60,
  time % 60,
];
