import { z } from 'zod';
import type { DocumentedObject } from '../../core/documented-schema.js';
import { exampleRunItem } from '../../runs/api/run-examples.js';
import { runStates } from '../../runs/lifecycle/run.entity.js';
import { type Job, jobSources, jobStates } from '../definition/job.entity.js';
import { definitionOf } from '../definition/job-fields.js';
import { exampleDefinition, jobDefinition, jobName } from '../definition/job.schema.js';
import { pauseView } from '../history/pause-request.js';

const time = z.date();

const lastRunFields = {
  /** UUID v7. */
  id: z.uuid(),
  /** See API.md#states. */
  state: z.enum(runStates),
  /** Why the run is in this state. Null: nothing unusual. See API.md#reasons. */
  reason: z.string().nullable(),
  /** The time of the occurrence, without jitter; for a manual run, the time of the request. */
  scheduledAt: time,
  /** When the latest attempt started; null before the first. */
  startedAt: time.nullable(),
  /** Null while the run is unfinished. */
  finishedAt: time.nullable(),
  /** Milliseconds from `startedAt` to `finishedAt`; null until both are known. */
  durationMs: z.number().nullable(),
};
const lastRunView: DocumentedObject<typeof lastRunFields, z.core.$strip> = z
  .object(lastRunFields)
  .meta({ id: 'LastRun' });

export type LastRun = z.output<typeof lastRunView>;

const { id, state, reason, scheduledAt, startedAt, finishedAt, durationMs } = exampleRunItem;
const exampleJob = {
  name: 'reports.nightly',
  ...jobDefinition.parse({ ...exampleDefinition, tags: ['reports'] }),
  trigger: { ...exampleDefinition.trigger, startAt: null, endAt: null, jitterSeconds: 0 },
  source: 'api',
  version: 1,
  state: 'active',
  pause: null,
  nextRunAt: '2026-11-24T01:00:00.000Z',
  lastRun: { id, state, reason, scheduledAt, startedAt, finishedAt, durationMs },
  createdAt: '2026-11-22T12:13:57.609Z',
  updatedAt: '2026-11-22T12:13:57.609Z',
};

const nameField = {
  /** 1-128 of `a-z 0-9 . _ -`; it never changes. */
  name: jobName,
};
const stateFields = {
  /** Where the job was declared: in code, in the jobs file, or over the API. */
  source: z.enum(jobSources).describe('Where the job was declared: in code, in the jobs file, or over the API'),
  /** From 1. It rises with each change of the definition, and with nothing else. */
  version: z.int().describe('Rises with each change of the definition, and with nothing else'),
  /** `finished`: no occurrence is left. */
  state: z.enum(jobStates).describe('finished: no occurrence is left'),
  /** Of a paused job; null otherwise. */
  pause: pauseView.nullable().describe('Of a paused job; null otherwise'),
  /** When the job runs next, with jitter. Null while it is paused, and when no occurrence is left. */
  nextRunAt: time.nullable().describe('With jitter. Null while the job is paused, and when no occurrence is left'),
  /** The newest row of the job's history, in any state; null: there is none. */
  lastRun: lastRunView.nullable().describe("The newest row of the job's history"),
  /** When the job was created. */
  createdAt: time,
  /** When the definition was last changed, or the job paused or resumed. */
  updatedAt: time,
};
type JobViewFields = typeof nameField & typeof jobDefinition.shape & typeof stateFields;
export const jobView: DocumentedObject<JobViewFields, z.core.$strip> = z
  .object({ ...nameField, ...jobDefinition.shape, ...stateFields })
  .meta({ id: 'Job', examples: [exampleJob] });

/** A job as the API returns it: its definition with every default filled in, and its state.
 *  See API.md#job. */
export type JobView = z.output<typeof jobView>;

/** A strong ETag, which names this job and this version of its definition. A job that is deleted and created again gets another. */
export const etagOf = ({ createdAt, version }: Pick<Job, 'createdAt' | 'version'>): string =>
  `"${createdAt.getTime().toString(36)}-${version}"`;

export function viewOf(job: Job, lastRun: LastRun | null): JobView {
  return {
    name: job.name,
    ...definitionOf(job),
    input: job.input as JobView['input'],
    source: job.source,
    version: job.version,
    state: job.nextOccurrenceAt === null ? 'finished' : job.paused ? 'paused' : 'active',
    pause: job.paused ? { since: job.pausedAt, until: job.pausedUntil, reason: job.pauseReason } : null,
    nextRunAt: job.paused ? null : job.nextRunAt,
    lastRun,
    createdAt: job.createdAt,
    updatedAt: job.updatedAt,
  };
}
