import { openTrigger } from '../../core/triggers/trigger.js';
import type { Job } from './job.entity.js';

/** Where the upcoming occurrences of a job begin, without jitter, whether the job is paused or not. Null: none is left. */
export function upcomingFrom({ nextOccurrenceAt }: Job, now: Date): number | null {
  if (nextOccurrenceAt === null) return null;
  // While a job is paused, nextOccurrenceAt stays behind; occurrences of the pause never run.
  return nextOccurrenceAt < now ? now.getTime() + 1 : nextOccurrenceAt.getTime();
}

/** The next `count` occurrences of a job from `now` on. Each may take up to a millisecond. */
export function upcomingOccurrences(job: Job, now: Date, count: number): Date[] {
  const from = upcomingFrom(job, now);
  if (from === null) return [];
  const trigger = openTrigger(job.trigger, job.id);
  const found: Date[] = [];
  for (let at = trigger.next(new Date(from - 1)); at && found.length < count; at = trigger.next(at)) found.push(at);
  return found;
}

/** For examples in the OpenAPI document: two nights of `exampleDefinition`. */
export const exampleOccurrences = ['2026-11-24T01:00:00.000Z', '2026-11-25T01:00:00.000Z'];
