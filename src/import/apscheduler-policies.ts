import type { JobDefinitionInput } from '../jobs/definition/job.schema.js';
import type { ApschedulerJob } from './apscheduler-job.js';

/** A year is the longest grace here; longer ones, and null, are for ever. */
const LONGEST_GRACE = 31_536_000;

/** Runs older than the grace are dropped; of those that have gathered, one is run where they are coalesced. A job that
 *  says no grace keeps the service's default: APScheduler's, one second, loses runs. */
export function policiesOf(job: ApschedulerJob): Pick<JobDefinitionInput, 'misfire' | 'overlap'> {
  const { misfire_grace_time: grace, coalesce, max_instances: instances } = job;
  const overlap = instances > 1 ? 'allow' : 'skip';
  if (grace === undefined) return { overlap };
  if (grace === null || grace > LONGEST_GRACE) return { misfire: { policy: coalesce ? 'once' : 'all' }, overlap };
  return { misfire: { policy: 'skip', graceSeconds: grace, ...(coalesce && { maxCatchUp: 1 }) }, overlap };
}
