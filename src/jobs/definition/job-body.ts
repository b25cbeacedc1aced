import { z } from 'zod';
import { isObject, mergePatch } from '../../core/merge-patch.js';
import { Problem } from '../../core/problem.js';
import { faultsOf } from '../../core/schema-faults.js';
import { invalidBody } from '../../http/schema.pipe.js';
import { exampleDefinition } from './job-examples.js';
import type { Job } from './job.entity.js';
import { jobDefinition, jobName } from './job.schema.js';

const ignored = z.unknown().optional().describe('Read only: what is sent is ignored').meta({ readOnly: true });
const readOnly = {
  source: ignored,
  version: ignored,
  state: ignored,
  nextRunAt: ignored,
  lastRun: ignored,
  createdAt: ignored,
  updatedAt: ignored,
};

/** A job as it was answered is also what may be sent. */
export const jobBody = jobDefinition
  .extend({ name: jobName.optional().describe('The name in the path, or left out'), ...readOnly })
  .meta({ id: 'JobBody', examples: [exampleDefinition] });
export type JobBody = z.output<typeof jobBody>;

export const newJobBody = jobBody.extend({ name: jobName }).meta({
  id: 'NewJob',
  examples: [{ name: 'reports.nightly', ...exampleDefinition }],
});
export type NewJobBody = z.output<typeof newJobBody>;

const anything = z.json().optional();
/** Checked as a whole once it is merged. */
export const jobPatch = z
  .strictObject(Object.fromEntries(Object.keys(jobBody.shape).map((field) => [field, anything])))
  .meta({
    id: 'JobPatch',
    description: 'A JSON merge patch (RFC 7396): null returns a field to its default',
    examples: [{ timeoutSeconds: 900, retry: { limit: 3 }, description: null }],
  });
export type JobPatch = z.output<typeof jobPatch>;

/** What the stored definition becomes. Another `trigger.type` drops what the old trigger had. Throws INVALID_BODY. */
export function patched(job: Job, patch: JobPatch): JobBody {
  const stored = Object.fromEntries(fields.map((field) => [field, job[field]]));
  const trigger = isObject(patch['trigger']) ? patch['trigger'] : {};
  const isOther = 'type' in trigger && trigger['type'] !== job.trigger.type;
  const merged = mergePatch(isOther ? { ...stored, trigger: {} } : stored, patch) as { trigger?: object };
  // Left out it would stay; its default is the creation of the job.
  if (trigger['anchor'] === null) merged.trigger = { ...merged.trigger, anchor: job.createdAt.toISOString() };
  const { data, error } = jobBody.safeParse(merged);
  if (error) throw invalidBody(faultsOf(error.issues));
  return data;
}

const fields = Object.keys(jobDefinition.shape) as (keyof typeof jobDefinition.shape)[];

export class JobRenamedError extends Problem {
  constructor(name: string) {
    const message = `Must be the name in the path, "${name}", or left out: a job keeps its name`;
    super(422, 'INVALID_BODY', `The body is not valid. /name: ${message}`, [{ path: '/name', message }]);
  }
}
