import { stringify } from 'yaml';
import type { TriggerInput } from '../core/triggers/trigger.js';
import type { JobDefinitionInput } from '../jobs/definition/job.schema.js';
import { requestOfWords } from './command.js';
import type { HttpRequest } from './http-request.js';
import {
  addJob,
  attempt,
  documentsIn,
  type ImportedJob,
  type ImportOptions,
  type ImportResult,
  NotImportableError,
  noteMissingTimeZone,
  parseWith,
  secondsOfDuration,
  unreadable,
} from './import-result.js';
import { type Container, cronJob, type JobSpec, type Manifest, objectsIn } from './k8s-manifest.js';
import { placeholderOf } from './secret-placeholders.js';

/** Imports the CronJobs of one or more manifests, including lists such as those of `kubectl get`. */
export function importK8s(text: string, options: ImportOptions): ImportResult {
  const documents = documentsIn(text);
  const objects = documents.flatMap(({ value }) => objectsIn(value));
  if (objects.length === 0)
    throw unreadable(`line ${documents[0]?.line ?? 1}: it is not a manifest with a line such as "kind: CronJob"`);
  const result: ImportResult = { jobs: [], notImported: [], notes: [] };
  const cronJobs = objects.filter(({ kind }) => kind === 'CronJob');
  for (const object of cronJobs) {
    const { name, namespace } = object.metadata;
    const place = `CronJob ${namespace === undefined ? '' : `${namespace}/`}${name}`;
    addJob(result, { place, original: stringify({ metadata: { name, namespace }, spec: object.spec }) }, () =>
      jobOf(place, object, options),
    );
  }
  const others = objects.length - cronJobs.length;
  if (others > 0) result.notes.push(`ignored objects of other kinds: ${others}`);
  noteMissingTimeZone(result, 'CronJobs without timeZone');
  return result;
}

const OVERLAP = { Allow: 'allow', Forbid: 'skip', Replace: 'replace' } as const;

function jobOf(place: string, object: Manifest, options: ImportOptions): ImportedJob {
  const { metadata, spec } = parseWith(cronJob, object);
  const job = spec.jobTemplate.spec;
  const timeout = job.activeDeadlineSeconds ?? job.template.spec.activeDeadlineSeconds;
  const changes: string[] = [];
  if (timeout !== undefined)
    changes.push('activeDeadlineSeconds limits all attempts together; timeoutSeconds limits each of them');
  const tags = tagsOf(metadata.labels ?? {}, changes);
  const deadline = spec.startingDeadlineSeconds;
  const definition = {
    trigger: triggerOf(spec.schedule, spec.timeZone, options.timeZone),
    ...(spec.suspend && { paused: true }),
    ...(tags.length > 0 && { tags }),
    ...(timeout !== undefined && { timeoutSeconds: timeout }),
    // Kubernetes waits 10 s before the first retry, then twice as long each time, up to six minutes.
    retry: { limit: job.backoffLimit ?? 6, delaySeconds: 10, maxDelaySeconds: 360 },
    // Of several missed times, Kubernetes starts the latest; without a deadline, however late it is.
    ...(deadline !== undefined && { misfire: { policy: 'skip' as const, graceSeconds: deadline, maxCatchUp: 1 } }),
    overlap: OVERLAP[spec.concurrencyPolicy],
  } satisfies Partial<JobDefinitionInput>;
  const { name } = object.metadata;
  const { value: request, reason } = attempt(() => requestOf(job));
  if (!request) return { place, name, definition: { task: name, ...definition }, changes, todo: reason };
  const shorter = Math.min(request.timeoutSeconds ?? Infinity, timeout ?? Infinity);
  const limits = shorter < Infinity && { timeoutSeconds: shorter };
  return {
    place,
    name,
    definition: { task: 'http', input: request.input, ...definition, ...limits },
    changes: [...changes, ...request.changes],
  };
}

/** Labels become tags, except those that a tool such as Helm sets. */
function tagsOf(labels: Record<string, string>, changes: string[]): string[] {
  const own = Object.entries(labels).filter(
    ([key]) => !/^helm\.sh\/|\/managed-by$|^app\.kubernetes\.io\/version$/.test(key),
  );
  const tags = own.map(([key, value]) => (value ? `${key}=${value}` : key));
  const fitting = tags.filter((tag) => tag.length <= 128).slice(0, 64);
  if (fitting.length < tags.length)
    changes.push('labels of more than 128 characters, and those after the 64th, are left out');
  return fitting;
}

function triggerOf(schedule: string, timeZone: string | undefined, defaultZone?: string): TriggerInput {
  const [, prefixed, expression] = /^(?:(?:CRON_)?TZ=(\S+)\s+)?(.*)$/s.exec(schedule.trim())!;
  if (expression!.startsWith('@every '))
    return { type: 'interval', everySeconds: secondsOfDuration(expression!.slice(7)) };
  const zone = timeZone ?? prefixed ?? defaultZone;
  return { type: 'cron', expression: withStars(expression!), ...(zone && { timeZone: zone }) };
}

/** To Kubernetes, a field with `*` in a list or with a step of 1 is the same as `*`. That matters for the two day fields:
 *  either may match when both are restricted, in Kubernetes as here. */
function withStars(expression: string): string {
  const fields = expression.split(/\s+/);
  if (fields.length !== 5) return expression;
  return fields.map((field) => (/(^|,)[*?](\/1)?(,|$)/.test(field) ? '*' : field)).join(' ');
}

function requestOf({ template, completions = 1, parallelism = 1 }: JobSpec): HttpRequest {
  const { containers, initContainers } = template.spec;
  const [container, ...others] = containers;
  if (container === undefined || others.length + initContainers.length > 0)
    throw new NotImportableError(
      `it has ${containers.length + initContainers.length} containers; write a task for what they do`,
    );
  if (completions > 1 || parallelism > 1)
    throw new NotImportableError('it has several pods (completions, parallelism); write a task for what they do');
  return requestOfContainer(container);
}

/** Values from a Secret are placeholders in the request. */
function requestOfContainer({ image = '', command, args, env }: Container): HttpRequest {
  const values = new Map<string, string>();
  const declared = new Set(env.map(({ name }) => name));
  const valueOf = (name: string): string => {
    const value = values.get(name);
    if (value === undefined)
      throw new NotImportableError(`the value of $${name} is not in the manifest; write it there, as value in env`);
    return value;
  };
  /** As Kubernetes does: `$(NAME)` is the value, `$$` is a $, and an unknown name stays as it is. */
  const expand = (text: string) =>
    text.replace(/\$\$|\$\(([\w.-]+)\)/g, (all, name: string | undefined) => {
      if (name === undefined) return '$';
      return declared.has(name) ? valueOf(name) : all;
    });
  for (const { name, value = '', valueFrom } of env) {
    const secret = valueFrom?.secretKeyRef;
    if (secret) values.set(name, placeholderOf(secretName(secret)));
    else if (valueFrom === undefined) values.set(name, expand(value));
  }
  return requestOfWords(wordsOf(image, command, args).map(expand), valueOf);
}

const KNOWN_PROGRAM = /(^|\/)(curl|wget|(ba|da|a)?sh)$/;

/** The command line of the container. Without `command`, the entry point of the image decides what runs: an image of curl
 *  starts curl. */
function wordsOf(image: string, command: string[], args: string[]): string[] {
  if (command.length > 0) return [...command, ...args];
  if (KNOWN_PROGRAM.test(args[0] ?? '')) return args;
  if (/(^|\/)curl(images\/curl)?([:@]|$)/.test(image)) return ['curl', ...args];
  throw new NotImportableError(`the manifest does not say what the image "${image}" starts; write a task for it`);
}

/** The name of the file in SECRETS_DIR. */
const secretName = ({ name, key }: { name: string; key: string }): string =>
  `${name}.${key}`.replaceAll(/[^\w.-]/g, '-');
