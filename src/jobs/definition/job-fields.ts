import { isDeepStrictEqual } from 'node:util';
import type { Schedule } from '../../core/triggers/trigger.js';
import type { Job } from './job.entity.js';
import { definitionFields, type JobDefinition } from './job.schema.js';

type Field = keyof JobDefinition;

/** The fields of the definition alone, in the order in which the API shows them. */
export const definitionOf = <T extends Record<Field, unknown>>(job: T): Pick<T, Field> =>
  Object.fromEntries(definitionFields.map((field) => [field, job[field]])) as Pick<T, Field>;

/** The part of a job that decides when it runs. */
export const scheduleOf = ({ trigger, clockChange }: Schedule): Schedule => ({ trigger, clockChange });

/** The fields of the definition that differ. */
export const changedFields = (before: Job, after: Job): Field[] =>
  definitionFields.filter((field) => !isDeepStrictEqual(before[field], after[field]));

/** The part of a job that the audit records: what users and declarations set, without the state that the service changes. */
export const auditedJob = (job: Pick<Job, Field | 'source' | 'owner' | 'version'>) => ({
  ...definitionOf(job),
  source: job.source,
  owner: job.owner,
  version: job.version,
});
