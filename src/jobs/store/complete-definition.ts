import { completeTrigger, type TriggerInput } from '../../core/triggers/trigger.js';
import type { Job } from '../definition/job.entity.js';
import { definitionOf } from '../definition/job-fields.js';
import type { JobDefinition } from '../definition/job.schema.js';

interface Defaults {
  timeZone: string;
  now: Date;
}

/** A definition as a user or a stored job has it. */
type Written = Omit<JobDefinition, 'trigger' | 'input'> & { trigger: TriggerInput; input: object };
/** A definition with every default filled in, as the table holds it. */
export type CompleteDefinition = ReturnType<typeof completeDefinition>;

/** Fills in what depends on the service and on the stored job. `stored` undefined: the job is new. An edit that says nothing new
 *  about the anchor of an interval, or about `paused`, keeps the stored anchor and a pause or resume over the API. */
export function completeDefinition(written: Written, stored: Job | undefined, { timeZone, now }: Defaults) {
  const declaredPaused = 'declaredPaused' in written ? (written as Job).declaredPaused : written.paused;
  return {
    ...definitionOf(written),
    // As jsonb returns it, which has no -0: declaring the same input again must not count as a change.
    input: JSON.parse(JSON.stringify(written.input)) as object,
    trigger: completeTrigger(written.trigger, {
      timeZone,
      createdAt: stored?.createdAt ?? now,
      previous: stored?.trigger ?? null,
    }),
    paused: stored && stored.declaredPaused === declaredPaused ? stored.paused : written.paused,
    declaredPaused,
  };
}
