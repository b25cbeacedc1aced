import { openTrigger } from '../../core/triggers/trigger.js';
import { isComputedWithNewerData, nextByOwnData } from '../../core/triggers/zone-data.js';
import type { Job } from './job.entity.js';

/** Where the upcoming occurrences of a job begin, without jitter, whether the job is paused or not. Null: none is left. */
export function upcomingFrom(job: Job, now: Date): number | null {
  const nextOccurrenceAt = nextByOwnData(job);
  if (nextOccurrenceAt === null) return null;
  // While a job is paused, nextOccurrenceAt stays behind; occurrences of the pause never run.
  return nextOccurrenceAt < now ? now.getTime() + 1 : nextOccurrenceAt.getTime();
}

/** The next `count` occurrences of a job from `now` on. Each may take up to a millisecond. */
export function upcomingOccurrences(job: Job, now: Date, count: number): Date[] {
  const from = upcomingFrom(job, now);
  if (from === null) return [];
  const trigger = openTrigger(job, job.id);
  const found: Date[] = [];
  for (let at = trigger.next(new Date(from - 1)); at && found.length < count; at = trigger.next(at)) found.push(at);
  return withStoredNext(job, now, found, count);
}

/** The `count` first of the occurrences that this process computed for a job, with the stored next one in place of its own if that was
 *  computed with newer time zone data: the list then begins with what will run. */
export function withStoredNext(job: Job, now: Date, found: Date[], count: number): Date[] {
  const { nextOccurrenceAt: stored } = job;
  if (!stored || stored < now || !isComputedWithNewerData(job)) return found;
  const own = nextByOwnData(job);
  const others = found.filter((at) => at > stored && at.getTime() !== own?.getTime());
  return [stored, ...others].slice(0, count);
}

/** For examples in the OpenAPI document: two nights of `exampleDefinition`. */
export const exampleOccurrences = ['2026-11-24T01:00:00.000Z', '2026-11-25T01:00:00.000Z'];
