import { occurrencesFrom } from '../../core/triggers/occurrences-from.js';
import { openTrigger } from '../../core/triggers/trigger.js';
import type { Job } from './job.entity.js';

/** The next `count` nominal instants of a job, whether it is paused or not. */
export function upcoming(job: Job, now: Date, count: number): Promise<Date[]> {
  const trigger = openTrigger(job.trigger, job.id);
  const { nextOccurrenceAt } = job;
  // A pause leaves occurrences behind that will not run.
  const first = nextOccurrenceAt && nextOccurrenceAt < now ? trigger.next(now) : nextOccurrenceAt;
  return occurrencesFrom(trigger, first, count);
}
