import { z } from 'zod';
import { runStates } from '../../runs/lifecycle/run.entity.js';
import { decidedFields } from './decided-fields.js';
import { exampleJob } from './job-examples.js';
import { jobSources, type Job } from './job.entity.js';
import { jobDefinition, jobName } from './job.schema.js';

export const jobStates = ['active', 'paused', 'finished'] as const;

const time = z.date();

export const lastRunView = z
  .object({
    id: z.uuid(),
    state: z.enum(runStates),
    reason: z.string().nullable(),
    scheduledAt: time,
    startedAt: time.nullable(),
    finishedAt: time.nullable(),
    durationMs: z.number().nullable(),
  })
  .meta({ id: 'LastRun' });

export type LastRun = z.output<typeof lastRunView>;

/** A job as the API answers it: its definition, and what has become of it. */
export const jobView = z
  .object({
    name: jobName,
    ...jobDefinition.shape,
    source: z.enum(jobSources).describe('Where it was declared: in code, in the jobs file, or over the API'),
    version: z.int().describe('Changes with the definition only'),
    state: z.enum(jobStates).describe('finished: no occurrence is left'),
    nextRunAt: time.nullable().describe('Null while paused, and when no occurrence is left'),
    lastRun: lastRunView.nullable().describe('The newest row of its history'),
    createdAt: time,
    updatedAt: time,
  })
  .meta({ id: 'Job', examples: [exampleJob] });

export type JobView = z.output<typeof jobView>;

/** Strong; of this job and this version of its definition, also where a job of that name was deleted and made again. */
export const etagOf = ({ createdAt, version }: Pick<Job, 'createdAt' | 'version'>): string =>
  `"${createdAt.getTime().toString(36)}-${version}"`;

export function viewOf(job: Job, lastRun: LastRun | null): JobView {
  const state = job.nextOccurrenceAt === null ? 'finished' : job.paused ? 'paused' : 'active';
  return {
    name: job.name,
    ...decidedFields(job),
    input: job.input as JobView['input'],
    source: job.source,
    version: job.version,
    state,
    nextRunAt: job.paused ? null : job.nextRunAt,
    lastRun,
    createdAt: job.createdAt,
    updatedAt: job.updatedAt,
  };
}
