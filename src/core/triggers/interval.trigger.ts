import { FIRST_INSTANT, LAST_INSTANT, type Occurrences } from './occurrences.js';

/** The grid anchor + n × every (milliseconds) for every whole n: the anchor is a point of it and not its beginning. */
export class IntervalOccurrences implements Occurrences {
  constructor(
    private readonly anchor: number,
    private readonly every: number,
  ) {}

  next(after: Date): Date | null {
    const at = this.instant(this.slots(Math.max(after.getTime(), FIRST_INSTANT - 1)) + 1);
    return at <= LAST_INSTANT ? new Date(at) : null;
  }

  previous(before: Date): Date | null {
    const at = this.instant(this.slots(Math.min(before.getTime() - 1, LAST_INSTANT)));
    return at >= FIRST_INSTANT ? new Date(at) : null;
  }

  count(from: Date, to: Date, limit: number): number | null {
    const first = Math.max(from.getTime(), FIRST_INSTANT);
    const last = Math.min(to.getTime(), LAST_INSTANT);
    const count = first > last ? 0 : this.slots(last) - this.slots(first - 1);
    return count > limit ? null : count;
  }

  /** The n of the last occurrence up to `instant`. */
  private slots(instant: number): number {
    return Math.floor((instant - this.anchor) / this.every);
  }

  private instant(slot: number): number {
    return this.anchor + slot * this.every;
  }
}
