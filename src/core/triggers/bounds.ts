import type { Occurrences } from './occurrences.js';

/** Keeps the occurrences in [startAt, endAt]; null leaves that side open. */
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
