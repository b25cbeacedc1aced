import type { Trigger } from '../core/triggers/trigger.js';
import type { MisfirePolicy } from './job.entity.js';

/** Occurrences that are due and have no disposition yet, by what becomes of them; each list from the oldest on. */
export interface Backlog {
  /** Dispatched one by one, as if they were on time. */
  onTime: Date[];
  catchUp: Date[];
  missed: Range | null;
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
  const { onTime, older } = withinGrace(trigger, first, last, now, misfire);
  const { catchUp, missedTo } = caughtUp(trigger, first, older, misfire, onTime.length > 0);
  return { onTime, catchUp, missed: missedTo && rangeOf(trigger, first, missedTo), last };
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

/** Those within grace, at most `maxCatchUp` of them, and the next older one that is not among them. */
function withinGrace(trigger: Trigger, first: Date, last: Date, now: Date, misfire: MisfirePolicy) {
  const onTime: Date[] = [];
  let older: Date | null = last;
  while (older && onTime.length < misfire.maxCatchUp && isWithin(trigger, older, now, misfire.graceSeconds)) {
    onTime.unshift(older);
    older = atLeast(trigger.previous(older), first);
  }
  return { onTime, older };
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

const isWithin = (trigger: Trigger, occurrence: Date, now: Date, graceSeconds: number) =>
  now.getTime() - delayed(trigger, occurrence).getTime() <= graceSeconds * 1000;

const atLeast = (occurrence: Date | null, first: Date) => (occurrence && occurrence >= first ? occurrence : null);
