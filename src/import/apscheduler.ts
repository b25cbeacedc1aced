import { stringify } from 'yaml';
import { z } from 'zod';
import type { JobDefinitionInput } from '../jobs/definition/job.schema.js';
import { type ApschedulerJob, apschedulerJob, idOf, withDefaults } from './apscheduler-job.js';
import { nextRunMismatch, triggerOf } from './apscheduler-trigger.js';
import type { HttpRequest } from './http-request.js';
import {
  addJob,
  attempt,
  documentsIn,
  type ImportedJob,
  type ImportOptions,
  type ImportResult,
  noteMissingTimeZone,
  parseWith,
  unreadable,
} from './import-result.js';
import { nameOfUrl, validName } from './job-names.js';
import { pythonRequest } from './python-request.js';

const fields = z.record(z.string(), z.unknown());
const configuration = z.object({
  JOBS: z.array(z.unknown()).optional(),
  SCHEDULER_JOBS: z.array(z.unknown()).optional(),
  SCHEDULER_TIMEZONE: z.string().optional(),
  SCHEDULER_JOB_DEFAULTS: fields.default({}),
});

interface JobList {
  jobs: unknown[];
  timeZone?: string | undefined;
  /** Fields for jobs that do not set them. */
  defaults: Record<string, unknown>;
}

/** Imports the jobs of Flask-APScheduler: the list that its API returns, the list JOBS of its configuration, or an object
 *  with that list. */
export function importApscheduler(text: string, options: ImportOptions): ImportResult {
  const { jobs, defaults, timeZone: configured } = readJobList(text);
  const timeZone = options.timeZone ?? configured;
  const result: ImportResult = { jobs: [], notImported: [], notes: [] };
  for (const [index, written] of jobs.entries()) {
    const id = idOf(written);
    const place = id === undefined ? `entry ${index + 1}` : `job "${id}"`;
    addJob(result, { place, original: stringify(written) }, () => {
      const job = parseWith(apschedulerJob, withDefaults(parseWith(fields, written), defaults));
      return jobOf(place, job, { ...options, timeZone });
    });
  }
  noteMissingTimeZone(result, 'cron jobs without timezone');
  return result;
}

function readJobList(text: string): JobList {
  const value = documentsIn(text, 'json')[0]?.value;
  if (Array.isArray(value)) return { jobs: value, defaults: {} };
  const { data } = configuration.safeParse(value);
  const jobs = data?.SCHEDULER_JOBS ?? data?.JOBS;
  if (!data || !jobs)
    throw unreadable(
      'line 1: it is neither a list of jobs, as GET /scheduler/jobs returns it, nor an object with a list JOBS',
    );
  return { jobs, timeZone: data.SCHEDULER_TIMEZONE, defaults: data.SCHEDULER_JOB_DEFAULTS };
}

function jobOf(place: string, job: ApschedulerJob, options: ImportOptions): ImportedJob {
  const { func, args, kwargs } = job;
  const id = job.id ?? job.name ?? func;
  const timeZone = job.timezone ?? options.timeZone;
  const definition = {
    ...(job.name !== undefined && job.name !== id && { description: job.name.slice(0, 4096) }),
    trigger: triggerOf(job, timeZone),
    ...(job.next_run_time === null && { paused: true }),
    ...policiesOf(job),
  } satisfies Partial<JobDefinitionInput>;
  const changes = nextRunMismatch(job, definition.trigger, timeZone);
  if (job.max_instances > 1)
    changes.push(`max_instances ${job.max_instances}: any number of runs may run at the same time`);
  const { value: request, reason } = attempt(() => requestOf(job, id, options.schedulerApi));
  const name = nameOf(job, request);
  if (!request) {
    const input = { ...kwargs, ...(args.length > 0 && { args }) };
    return { place, name, definition: { task: func, input, ...definition }, changes, todo: reason };
  }
  const { changes: more, input, ...limits } = request;
  return {
    place,
    name,
    definition: { task: 'http', input, ...definition, ...limits },
    changes: [...changes, ...more],
  };
}

/** APScheduler gives a job without an id a random one. Such a job is named after what it does. */
function nameOf({ id, name, func }: ApschedulerJob, request: HttpRequest | undefined): string {
  if (id !== undefined && !/^[\da-f]{32}$/.test(id)) return id;
  const isOfLibrary = request !== undefined && func.endsWith(name ?? '');
  if (name !== undefined && name !== func && !isOfLibrary) return name;
  return validName(request ? nameOfUrl(request.input.url as string) : func);
}

/** The longest `graceSeconds` of the service, one year. */
const MAX_GRACE = 31_536_000;

/** APScheduler drops runs that are later than the grace time; of several that are due, it runs one when they are
 *  coalesced. A job without a grace time gets the default of the service: that of APScheduler, one second, loses runs.
 *  Null, and a grace of more than a year, means that a run is never too late. */
function policiesOf(job: ApschedulerJob): Pick<JobDefinitionInput, 'misfire' | 'overlap'> {
  const { misfire_grace_time: grace, coalesce, max_instances: instances } = job;
  const overlap = instances > 1 ? 'allow' : 'skip';
  if (grace === undefined) return { overlap };
  if (grace === null || grace > MAX_GRACE) return { misfire: { policy: coalesce ? 'once' : 'all' }, overlap };
  return { misfire: { policy: 'skip', graceSeconds: grace, ...(coalesce && { maxCatchUp: 1 }) }, overlap };
}

/** The request that the Python function sends. For any other function: a request to `api`, the API of the old service,
 *  which then runs the function. */
function requestOf({ func, args, kwargs }: ApschedulerJob, id: string, api: string | undefined): HttpRequest {
  if (api === undefined || /^(requests|urllib)[.:]/.test(func)) return pythonRequest(func, args, kwargs);
  return {
    input: { method: 'POST', url: `${api.replace(/\/+$/, '')}/jobs/${encodeURIComponent(id)}/run` },
    changes: [`the old service runs "${func}"; pause the job there`],
  };
}
