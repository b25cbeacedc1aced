import type { JobDefinitionInput } from '../jobs/definition/job.schema.js';
import { type Found, type FoundJob, type ImportOptions, NotImported, orLost, withoutZone } from './found.js';
import type { HttpCall } from './http-call.js';
import { callOfContainer } from './k8s-container.js';
import { cronJob, type Manifest, objectsIn } from './k8s-manifest.js';
import { scheduleOf } from './k8s-schedule.js';
import { parseDocuments, unreadable } from './parse.js';
import { readAs } from './read-as.js';

/** The CronJobs of manifests, one or several documents, lists of them as kubectl answers included. */
export function readK8s(text: string, options: ImportOptions): Found {
  const documents = parseDocuments(text, 'YAML');
  const objects = documents.flatMap(({ value }) => objectsIn(value));
  if (objects.length === 0)
    throw unreadable(`line ${documents[0]?.line ?? 1}: it is no manifest; one says "kind: CronJob"`);
  const found: Found = { jobs: [], lost: [], remarks: [] };
  const cronJobs = objects.filter(({ kind }) => kind === 'CronJob');
  for (const object of cronJobs) {
    const { name, namespace } = object.metadata;
    const place = `CronJob ${namespace === undefined ? '' : `${namespace}/`}${name}`;
    const job = orLost(found, place, () => jobOf(place, object, options));
    if (job) found.jobs.push(job);
  }
  const others = objects.length - cronJobs.length;
  if (others > 0) found.remarks.push(`objects of other kinds, passed over: ${others}`);
  if (
    !options.timeZone &&
    found.jobs.some(({ definition: { trigger } }) => trigger.type === 'cron' && !trigger.timeZone)
  )
    found.remarks.push(withoutZone('CronJobs without timeZone'));
  return found;
}

const OVERLAP = { Allow: 'allow', Forbid: 'skip', Replace: 'replace' } as const;

function jobOf(place: string, object: Manifest, options: ImportOptions): FoundJob {
  const { metadata, spec } = readAs(cronJob, object);
  const job = spec.jobTemplate.spec;
  const timeout = job.activeDeadlineSeconds ?? job.template.spec.activeDeadlineSeconds;
  const changes: string[] = [];
  if (timeout !== undefined) changes.push('activeDeadlineSeconds was for all attempts; timeoutSeconds is for each');
  const tags = tagsOf(metadata.labels ?? {}, changes);
  const deadline = spec.startingDeadlineSeconds;
  const definition = {
    trigger: scheduleOf(spec.schedule, spec.timeZone, options.timeZone),
    ...(spec.suspend && { paused: true }),
    ...(tags.length > 0 && { tags }),
    ...(timeout !== undefined && { timeoutSeconds: timeout }),
    // Kubernetes waits 10 s, twice as long each time, at most six minutes.
    retry: { limit: job.backoffLimit ?? 6, delaySeconds: 10, maxDelaySeconds: 360 },
    // Of what is due, Kubernetes starts the latest; without a deadline however late.
    ...(deadline !== undefined && { misfire: { policy: 'skip' as const, graceSeconds: deadline, maxCatchUp: 1 } }),
    overlap: OVERLAP[spec.concurrencyPolicy],
  } satisfies Partial<JobDefinitionInput>;
  const { name } = object.metadata;
  try {
    const { input, changes: more, timeoutSeconds = Infinity } = callOf(job);
    const shorter = Math.min(timeoutSeconds, timeout ?? Infinity);
    const rest = { ...definition, ...(shorter < Infinity && { timeoutSeconds: shorter }) };
    return { place, name, definition: { task: 'http', input, ...rest }, changes: [...changes, ...more] };
  } catch (error) {
    if (!(error instanceof NotImported)) throw error;
    return { place, name, definition: { task: name, ...definition }, changes, todo: error.message };
  }
}

type JobSpec = ReturnType<typeof cronJob.parse>['spec']['jobTemplate']['spec'];

function callOf({ template, completions = 1, parallelism = 1 }: JobSpec): HttpCall {
  const { containers, initContainers } = template.spec;
  const [container, ...others] = containers;
  if (container === undefined || others.length + initContainers.length > 0)
    throw new NotImported(
      `it has ${containers.length + initContainers.length} containers; write a task for what they do`,
    );
  if (completions > 1 || parallelism > 1) throw new NotImported('it has several pods (completions, parallelism)');
  return callOfContainer(container);
}

/** Labels as tags; those that a tool has set say nothing here. */
function tagsOf(labels: Record<string, string>, changes: string[]): string[] {
  const own = Object.entries(labels).filter(
    ([key]) => !/^helm\.sh\/|\/managed-by$|^app\.kubernetes\.io\/version$/.test(key),
  );
  const tags = own.map(([key, value]) => (value ? `${key}=${value}` : key));
  const fitting = tags.filter((tag) => tag.length <= 128).slice(0, 64);
  if (fitting.length < tags.length) changes.push('labels of over 128 characters, or after the 64th, are left out');
  return fitting;
}
