import type { Trigger } from '../../core/triggers/trigger.js';
import type { MisfirePolicy } from '../definition/job.entity.js';

/** The occurrences that are due and have no row yet. From `missed` to `onTime` they are in order of time, without gaps. */
export interface Backlog {
  /** Older than the grace period and not caught up: one `missed` row. */
  missed: Range | null;
  /** Older than the grace period. Each gets a run of kind `catch_up`. */
  catchUp: Date[];
  /** Within the grace period, but more than `maxCatchUp`: one `missed` row. */
  surplus: Range | null;
  /** Within the grace period. Each is dispatched as if it were on time. */
  onTime: Date[];
  /** The latest occurrence that is due. */
  last: Date;
}

export interface Range {
  from: Date;
  to: Date;
  /** Null if there are more than 10,000. */
  count: number | null;
}

const MAX_COUNTED = 10_000;

/**
 * Divides the occurrences from `first` to `now` according to the misfire policy. Null if none is due.
 *
 * It walks back from the latest occurrence and stops at the limits of the policy. So a job that was not dispatched for
 * a year costs no more than one that was not dispatched for a minute, except for counting (up to 10,000).
 */
export function backlogOf(trigger: Trigger, first: Date, now: Date, misfire: MisfirePolicy): Backlog | null {
  const last = latestDue(trigger, now);
  if (!last || last < first) return null;
  // The latest occurrence that is older than the grace period. Late by exactly the grace period is still on time.
  const old = atLeast(latestDue(trigger, justBefore(now.getTime() - misfire.graceSeconds * 1000)), first);
  const fresh = old ? trigger.next(old) : first;
  const { onTime, surplusTo } = withinGrace(trigger, fresh, last, misfire);
  const { catchUp, missedTo } = caughtUp(trigger, first, old, misfire, onTime.length > 0);
  // Nothing is caught up between the two missed ranges, so they are adjacent and become one row.
  if (catchUp.length === 0 && surplusTo)
    return { missed: rangeOf(trigger, first, surplusTo), catchUp, surplus: null, onTime, last };
  const missed = missedTo && rangeOf(trigger, first, missedTo);
  const surplus = fresh && surplusTo && rangeOf(trigger, fresh, surplusTo);
  return { missed, catchUp, surplus, onTime, last };
}

export const rangeOf = (trigger: Trigger, from: Date, to: Date): Range => ({
  from,
  to,
  count: trigger.count(from, to, MAX_COUNTED),
});

/** The latest occurrence that is due at `now`, with its jitter. */
export function latestDue(trigger: Trigger, now: Date): Date | null {
  const latest = trigger.previous(new Date(now.getTime() + 1));
  // Jitter is shorter than the gap between two occurrences. So if the latest one is not due yet, the one before it is.
  return latest && delayed(trigger, latest) > now ? trigger.previous(latest) : latest;
}

/** The instant at which an occurrence is due: its nominal instant plus its jitter. */
export const delayed = (trigger: Trigger, occurrence: Date) =>
  new Date(occurrence.getTime() + trigger.delay(occurrence));

/** The latest `maxCatchUp` occurrences from `from` to `last`, and the one before these. Null if there is none. */
function withinGrace(trigger: Trigger, from: Date | null, last: Date, { maxCatchUp }: MisfirePolicy) {
  const onTime: Date[] = [];
  if (!from) return { onTime, surplusTo: null };
  let surplusTo = atLeast(last, from);
  while (surplusTo && onTime.length < maxCatchUp) {
    onTime.unshift(surplusTo);
    surplusTo = atLeast(trigger.previous(surplusTo), from);
  }
  return { onTime, surplusTo };
}

/** Which occurrences older than the grace period are caught up. `skip`: none. `once`: the latest, unless one within the
 *  grace period runs anyway. `all`: the latest `maxCatchUp`. */
function caughtUp(trigger: Trigger, first: Date, older: Date | null, misfire: MisfirePolicy, anyOnTime: boolean) {
  const max = { skip: 0, once: anyOnTime ? 0 : 1, all: misfire.maxCatchUp }[misfire.policy];
  const catchUp: Date[] = [];
  let missedTo = older;
  while (missedTo && catchUp.length < max) {
    catchUp.unshift(missedTo);
    missedTo = atLeast(trigger.previous(missedTo), first);
  }
  return { catchUp, missedTo };
}

/** The last whole millisecond before a time in milliseconds. */
const justBefore = (ms: number) => new Date(Math.ceil(ms) - 1);

const atLeast = (occurrence: Date | null, first: Date) => (occurrence && occurrence >= first ? occurrence : null);
