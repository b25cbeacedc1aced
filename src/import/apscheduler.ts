import { z } from 'zod';
import type { JobDefinitionInput } from '../jobs/definition/job.schema.js';
import { type ApschedulerJob, apschedulerJob, idOf } from './apscheduler-job.js';
import { policiesOf } from './apscheduler-policies.js';
import { otherNextRun } from './apscheduler-proof.js';
import { triggerOf } from './apscheduler-trigger.js';
import { type Found, type FoundJob, type ImportOptions, NotImported, orLost, withoutZone } from './found.js';
import type { HttpCall } from './http-call.js';
import { parseDocuments, unreadable } from './parse.js';
import { callOfPython } from './python-call.js';
import { readAs } from './read-as.js';

const anything = z.record(z.string(), z.unknown());
const configuration = z.object({
  JOBS: z.array(z.unknown()).optional(),
  SCHEDULER_JOBS: z.array(z.unknown()).optional(),
  SCHEDULER_TIMEZONE: z.string().optional(),
  SCHEDULER_JOB_DEFAULTS: anything.default({}),
});

/** The jobs of Flask-APScheduler: what its API lists, the list JOBS of its configuration, or an object with that list. */
export function readApscheduler(text: string, options: ImportOptions): Found {
  const { list, zone, defaults } = jobsIn(parseDocuments(text, 'JSON')[0]?.value);
  const timeZone = options.timeZone ?? zone;
  const found: Found = { jobs: [], lost: [], remarks: [] };
  for (const [index, written] of list.entries()) {
    const id = idOf(written);
    const place = id === undefined ? `entry ${index + 1}` : `job "${id}"`;
    const job = orLost(found, place, () =>
      jobOf(place, readAs(apschedulerJob, { ...defaults, ...readAs(anything, written) }), { ...options, timeZone }),
    );
    if (job) found.jobs.push(job);
  }
  if (found.jobs.some(({ definition: { trigger } }) => trigger.type === 'cron' && !trigger.timeZone))
    found.remarks.push(withoutZone('cron jobs of this file'));
  return found;
}

function jobsIn(value: unknown): { list: unknown[]; zone?: string | undefined; defaults: Record<string, unknown> } {
  if (Array.isArray(value)) return { list: value, defaults: {} };
  const { data } = configuration.safeParse(value);
  const list = data?.SCHEDULER_JOBS ?? data?.JOBS;
  if (!data || !list)
    throw unreadable(
      'line 1: it is neither a list of jobs, as GET /scheduler/jobs answers it, nor an object with a list JOBS',
    );
  return { list, zone: data.SCHEDULER_TIMEZONE, defaults: data.SCHEDULER_JOB_DEFAULTS };
}

function jobOf(place: string, job: ApschedulerJob, options: ImportOptions): FoundJob {
  const { id = job.name ?? job.func, func, args, kwargs } = job;
  const timeZone = job.timezone ?? options.timeZone;
  const definition = {
    ...(job.name !== undefined && job.name !== id && { description: job.name.slice(0, 4096) }),
    trigger: triggerOf(job, timeZone),
    ...(job.next_run_time === null && { paused: true }),
    ...policiesOf(job),
  } satisfies Partial<JobDefinitionInput>;
  const changes = otherNextRun(job, definition.trigger, timeZone);
  if (job.max_instances > 1) changes.push(`max_instances ${job.max_instances}: any number may overlap`);
  try {
    const { changes: more, input, ...rest } = callOf(job, id, options.schedulerApi);
    const complete = { task: 'http', input, ...definition, ...rest };
    return { place, name: id, definition: complete, changes: [...changes, ...more] };
  } catch (error) {
    if (!(error instanceof NotImported)) throw error;
    const input = { ...kwargs, ...(args.length > 0 && { args }) };
    return { place, name: id, definition: { task: func, input, ...definition }, changes, todo: error.message };
  }
}

/** A request that the function makes, else one to the API of the old scheduler, which runs it there. */
function callOf({ func, args, kwargs }: ApschedulerJob, id: string, api: string | undefined): HttpCall {
  if (api === undefined || /^(requests|urllib)[.:]/.test(func)) return callOfPython(func, args, kwargs);
  return {
    input: { method: 'POST', url: `${api.replace(/\/+$/, '')}/jobs/${encodeURIComponent(id)}/run` },
    changes: [`"${func}" is run by the old service; pause the job there`],
  };
}
