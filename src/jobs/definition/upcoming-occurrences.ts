import { occurrencesFrom } from '../../core/triggers/occurrences-from.js';
import { openTrigger } from '../../core/triggers/trigger.js';
import type { Job } from './job.entity.js';

/** The next `count` occurrences of a job from `now` on, without jitter, whether the job is paused or not. */
export function upcomingOccurrences(job: Job, now: Date, count: number): Promise<Date[]> {
  const trigger = openTrigger(job.trigger, job.id);
  const { nextOccurrenceAt } = job;
  // While a job is paused, nextOccurrenceAt stays behind; occurrences of the pause never run.
  const first = nextOccurrenceAt && nextOccurrenceAt < now ? trigger.next(now) : nextOccurrenceAt;
  return occurrencesFrom(trigger, first, count);
}

/** For examples in the OpenAPI document: two nights of `exampleDefinition`. */
export const exampleOccurrences = ['2026-11-24T01:00:00.000Z', '2026-11-25T01:00:00.000Z'];
