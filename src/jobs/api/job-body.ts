import { z } from 'zod';
import { isObject, mergePatch } from '../../core/merge-patch.js';
import { faultsOf } from '../../core/schema-faults.js';
import { knownFields } from '../../core/triggers/input-fields.js';
import { invalidBody } from '../../http/schema.pipe.js';
import type { Job } from '../definition/job.entity.js';
import { definitionOf } from '../definition/job-fields.js';
import {
  definitionFields,
  exampleDefinition,
  type JobDefinition,
  jobDefinition,
  jobName,
} from '../definition/job.schema.js';
import { type JobView, jobView } from './job.view.js';

const readOnly = z.unknown().optional().describe('Read-only: a value in a request is ignored').meta({ readOnly: true });
type ReadOnlyField = Exclude<keyof JobView, 'name' | keyof JobDefinition>;
const readOnlyFields = Object.keys(jobView.shape).filter(
  (field) => field !== 'name' && !(field in jobDefinition.shape),
);

/** The body of PUT. It takes a job as the API returns it. */
export const jobBody = jobDefinition
  .extend({
    name: jobName.optional().describe('The name in the path; may be left out'),
    paused: jobDefinition.shape.paused.unwrap().optional().describe('Left out: as it is; a new job is not paused'),
    ...(Object.fromEntries(readOnlyFields.map((field) => [field, readOnly])) as Record<ReadOnlyField, typeof readOnly>),
  })
  .meta({ id: 'JobBody', examples: [exampleDefinition] });
export type JobBody = z.output<typeof jobBody>;

/** The body of POST. */
export const newJobBody = jobBody.extend({ name: jobName }).meta({
  id: 'NewJob',
  examples: [{ name: 'reports.nightly', ...exampleDefinition }],
});
export type NewJobBody = z.output<typeof newJobBody>;

const anything = z.json().optional();
/** The body of PATCH. Only its field names are checked here: values are checked after the merge. */
export const jobPatch = z
  .strictObject(Object.fromEntries(Object.keys(jobBody.shape).map((field) => [field, anything])), {
    error: knownFields('name', ...definitionFields),
  })
  .meta({
    id: 'JobPatch',
    description: 'A JSON merge patch (RFC 7396): null returns a field to its default',
    examples: [{ timeoutSeconds: 900, retry: { limit: 3 }, description: null }],
  });
export type JobPatch = z.output<typeof jobPatch>;

/** The stored definition with the patch applied. Another `trigger.type` drops all fields of the stored trigger. The result has no
 *  `anchor` unless the patch sets one: as in a PUT without one, `completeTrigger` then decides. Throws INVALID_BODY. */
export function applyPatch(job: Job, patch: JobPatch): JobBody {
  const change = isObject(patch['trigger']) ? patch['trigger'] : {};
  const otherType = 'type' in change && change['type'] !== job.trigger.type;
  const stored = mergePatch(definitionOf(job), { trigger: otherType ? null : { anchor: null } });
  const { data, error } = jobBody.safeParse(mergePatch(stored, patch));
  if (error) throw invalidBody(faultsOf(error.issues));
  // What the patch sets to null is missing here, and means the default: the stored pause or anchor would stay.
  const patched = { ...data, paused: data.paused ?? false };
  if (change['anchor'] !== null || data.trigger.type !== 'interval') return patched;
  return { ...patched, trigger: { ...data.trigger, anchor: data.trigger.startAt ?? job.createdAt.toISOString() } };
}
