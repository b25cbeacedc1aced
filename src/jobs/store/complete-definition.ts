import { completeTrigger, type TriggerInput } from '../../core/triggers/trigger.js';
import type { Job } from '../definition/job.entity.js';
import { definitionOf } from '../definition/job-fields.js';
import type { JobDefinition, WrittenDefinition } from '../definition/job.schema.js';

interface Defaults {
  timeZone: string;
  now: Date;
}

/** A definition from a user or from a stored job. */
type Written = Omit<JobDefinition, 'trigger' | 'input'> & { trigger: TriggerInput; input: object };
/** A definition with every default filled in, as the table holds it. */
export type CompleteDefinition = ReturnType<typeof completeDefinition>;

/** Fills in a `paused` that was left out: as it is for a stored job, and not paused for a new one. */
export const withPause = (written: WrittenDefinition, stored: Job | undefined): JobDefinition => ({
  ...written,
  paused: written.paused ?? stored?.paused ?? false,
});

/** Fills in the defaults that depend on the service and on the stored job. `stored` is undefined for a new job. An edit that leaves
 *  out the anchor of an interval keeps the stored anchor. An edit that does not change `paused` keeps a pause or resume over the
 *  API. */
export function completeDefinition(written: Written, stored: Job | undefined, { timeZone, now }: Defaults) {
  const declaredPaused = 'declaredPaused' in written ? (written as Job).declaredPaused : written.paused;
  return {
    ...definitionOf(written),
    // In the form in which jsonb returns it, without -0, so that declaring the same input again does not count as a change.
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
