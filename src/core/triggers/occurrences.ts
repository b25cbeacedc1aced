/** The nominal instants of a trigger: whole milliseconds, UTC, in rising order, from 1970 to 9999. */
export interface Occurrences {
  /** The first occurrence strictly after `after`, or null when the trigger is spent. */
  next(after: Date): Date | null;
  /** The last occurrence strictly before `before`, or null when there is none. */
  previous(before: Date): Date | null;
  /** How many occurrences lie in [from, to]; null when there are more than `limit`. */
  count(from: Date, to: Date, limit: number): number | null;
}

/** 1970-01-01T00:00:00.000Z. No occurrence lies before. */
export const FIRST_INSTANT = 0;
/** 9999-12-31T23:59:59.999Z. No occurrence lies after, so that all of them are plain ISO 8601. */
export const LAST_INSTANT = 253_402_300_799_999;

/** `count` for occurrences that cannot be counted by arithmetic. */
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
