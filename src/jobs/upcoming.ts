import { openTrigger } from '../core/triggers/trigger.js';
import type { Job } from './job.entity.js';

/** The next `count` nominal instants of a job, whether it is paused or not. */
export function upcoming(job: Job, now: Date, count: number): Date[] {
  const trigger = openTrigger(job.trigger, job.id);
  const occurrences: Date[] = [];
  // A pause leaves occurrences behind that will not run.
  let at = job.nextOccurrenceAt && job.nextOccurrenceAt < now ? trigger.next(now) : job.nextOccurrenceAt;
  while (at && occurrences.length < count) {
    occurrences.push(at);
    at = trigger.next(at);
  }
  return occurrences;
}
