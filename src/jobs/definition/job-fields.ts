import { isDeepStrictEqual } from 'node:util';
import type { Schedule } from '../../core/triggers/trigger.js';
import type { Job } from './job.entity.js';
import { definitionFields, type JobDefinition } from './job.schema.js';

type Field = keyof JobDefinition;
type AuditedField = Field | 'source' | 'owner' | 'version';

/** The fields of the definition alone, in the order in which the API shows them. */
export const definitionOf = <T extends Record<Field, unknown>>(job: T): Pick<T, Field> =>
  Object.fromEntries(definitionFields.map((field) => [field, job[field]])) as Pick<T, Field>;

/** The part of a job that decides when it runs. */
export const scheduleOf = ({ trigger, clockChange }: Schedule): Schedule => ({ trigger, clockChange });

/** The fields of the definition that differ. */
export const changedFields = (before: Job, after: Job): Field[] =>
  definitionFields.filter((field) => !isDeepStrictEqual(before[field], after[field]));

/** The part of a job that the audit and the kept versions record, with its fields in this order: what users and declarations set, without
 *  the state that the service changes. */
export const auditedJob = <T extends Record<AuditedField, unknown>>(job: T): Pick<T, AuditedField> => ({
  ...definitionOf(job),
  source: job.source,
  owner: job.owner,
  version: job.version,
});
