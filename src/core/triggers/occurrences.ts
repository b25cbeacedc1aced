/** The nominal instants of a trigger: whole milliseconds, UTC, in ascending order, from 1970 to 9999. */
export interface Occurrences {
  /** The first occurrence strictly after `after`, or null when none is left. */
  next(after: Date): Date | null;
  /** The last occurrence strictly before `before`, or null when there is none. */
  previous(before: Date): Date | null;
  /** The number of occurrences in [from, to], or null when there are more than `limit`. */
  count(from: Date, to: Date, limit: number): number | null;
}

/** 1970-01-01T00:00:00.000Z. No occurrence is earlier. */
export const FIRST_INSTANT = 0;
/** 9999-12-31T23:59:59.999Z. No occurrence is later, so every one fits the four-digit years of ISO 8601. */
export const LAST_INSTANT = 253_402_300_799_999;

/** `count` for triggers whose occurrences cannot be counted by arithmetic. */
export function countByWalking(next: Occurrences['next'], from: Date, to: Date, limit: number): number | null {
  let count = 0;
  let at = next(new Date(from.getTime() - 1));
  while (at !== null && at <= to) {
    count += 1;
    if (count > limit) return null;
    at = next(at);
  }
  return count;
}

/** The occurrences in [startAt, endAt]. A null bound leaves that side open. */
export function withinBounds(occurrences: Occurrences, startAt: string | null, endAt: string | null): Occurrences {
  const first = startAt === null ? -Infinity : Date.parse(startAt);
  const last = endAt === null ? Infinity : Date.parse(endAt);
  return {
    next(after) {
      const at = occurrences.next(new Date(Math.max(after.getTime(), first - 1)));
      return at !== null && at.getTime() <= last ? at : null;
    },
    previous(before) {
      const at = occurrences.previous(new Date(Math.min(before.getTime(), last + 1)));
      return at !== null && at.getTime() >= first ? at : null;
    },
    count(from, to, limit) {
      const lower = Math.max(from.getTime(), first);
      const upper = Math.min(to.getTime(), last);
      return lower > upper ? 0 : occurrences.count(new Date(lower), new Date(upper), limit);
    },
  };
}
