import type { Trigger } from '../../core/triggers/trigger.js';
import type { MisfirePolicy } from '../definition/job.entity.js';

/** Occurrences that are due and have no disposition yet, by what becomes of them, from the oldest on. */
export interface Backlog {
  missed: Range | null;
  catchUp: Date[];
  /** Missed too: within the grace, but more than `maxCatchUp`. */
  surplus: Range | null;
  /** Dispatched one by one, as if they were on time. */
  onTime: Date[];
  /** The latest one that is due. */
  last: Date;
}

export interface Range {
  from: Date;
  to: Date;
  /** Null: over 10,000. */
  count: number | null;
}

const MOST_COUNTED = 10_000;

/** Sorts the occurrences from `first` on that are due at `now`, looking back from the latest one. Null when none is due. */
export function backlogOf(trigger: Trigger, first: Date, now: Date, misfire: MisfirePolicy): Backlog | null {
  const last = latestDue(trigger, now);
  if (!last || last < first) return null;
  // The latest one that is older than the grace.
  const old = atLeast(latestDue(trigger, justBefore(now.getTime() - misfire.graceSeconds * 1000)), first);
  const fresh = old ? trigger.next(old) : first;
  const { onTime, surplusTo } = withinGrace(trigger, fresh, last, misfire);
  const { catchUp, missedTo } = caughtUp(trigger, first, old, misfire, onTime.length > 0);
  // Neighbours are one row.
  if (catchUp.length === 0 && surplusTo)
    return { missed: rangeOf(trigger, first, surplusTo), catchUp, surplus: null, onTime, last };
  const missed = missedTo && rangeOf(trigger, first, missedTo);
  const surplus = fresh && surplusTo && rangeOf(trigger, fresh, surplusTo);
  return { missed, catchUp, surplus, onTime, last };
}

export const rangeOf = (trigger: Trigger, from: Date, to: Date): Range => ({
  from,
  to,
  count: trigger.count(from, to, MOST_COUNTED),
});

/** The latest occurrence whose delayed instant has come. */
export function latestDue(trigger: Trigger, now: Date): Date | null {
  const latest = trigger.previous(new Date(now.getTime() + 1));
  // A delay stays below the gap between two occurrences, so the one before is surely due.
  return latest && delayed(trigger, latest) > now ? trigger.previous(latest) : latest;
}

export const delayed = (trigger: Trigger, occurrence: Date) =>
  new Date(occurrence.getTime() + trigger.delay(occurrence));

/** Of those from `from` to `last` the latest `maxCatchUp`, and the next older one. Null: there are none. */
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

/** Of those older than the grace: none with `skip`; the latest with `once`, unless one on time stands for it; with `all` the latest `maxCatchUp`. */
function caughtUp(trigger: Trigger, first: Date, older: Date | null, misfire: MisfirePolicy, anyOnTime: boolean) {
  const most = { skip: 0, once: anyOnTime ? 0 : 1, all: misfire.maxCatchUp }[misfire.policy];
  const catchUp: Date[] = [];
  let missedTo = older;
  while (missedTo && catchUp.length < most) {
    catchUp.unshift(missedTo);
    missedTo = atLeast(trigger.previous(missedTo), first);
  }
  return { catchUp, missedTo };
}

/** The last whole millisecond before a time in milliseconds. */
const justBefore = (ms: number) => new Date(Math.ceil(ms) - 1);

const atLeast = (occurrence: Date | null, first: Date) => (occurrence && occurrence >= first ? occurrence : null);
