import { z } from 'zod';
import { exampleLogLine, exampleRun, exampleRunItem } from './run-examples.js';
import { type Run, runKinds, runStates } from '../lifecycle/run.entity.js';

const time = z.date();

export const runErrorView = z
  .object({
    name: z.string(),
    message: z.string(),
    code: z.string().optional(),
    stack: z.string().optional().describe('Omitted in lists'),
  })
  .meta({ id: 'RunError' });

/** A run as lists show it. */
export const runItem = z
  .object({
    id: z.uuid().describe('UUID v7'),
    job: z.string(),
    task: z.string(),
    kind: z.enum(runKinds),
    state: z.enum(runStates),
    reason: z
      .string()
      .nullable()
      .describe(
        'Why the run is in this state: overlap, misfire, paused, worker_lost, shutdown, database_silent, replaced, user, job_deleted, poison, unknown_task',
      ),
    scheduledAt: time.describe('The nominal instant. In a row for a range of occurrences, the first one'),
    queuedAt: time,
    startedAt: time.nullable().describe('Start of the latest attempt'),
    finishedAt: time.nullable(),
    latenessMs: z
      .number()
      .nullable()
      .describe('Milliseconds from the due instant (with jitter) to the start of the first attempt'),
    durationMs: z.number().nullable().describe('Milliseconds that the latest attempt took'),
    attempt: z.int().describe('Number of the latest attempt, 0 before the first'),
    retriesUsed: z.int(),
    nextAttemptAt: time.nullable(),
    replica: z
      .string()
      .nullable()
      .describe('Number, host and process id of the replica that started the latest attempt'),
    error: runErrorView.nullable(),
    retryOf: z.uuid().nullable(),
    missed: z
      .object({ from: time, to: time, count: z.int().nullable().describe('Null: more than 10,000') })
      .nullable()
      .describe('Only in a row for a range of occurrences: its first and last instant and their number'),
  })
  .meta({ id: 'RunItem', examples: [exampleRunItem] });

export const attemptView = z
  .object({
    number: z.int(),
    replica: z.string().nullable(),
    startedAt: time.nullable(),
    finishedAt: time.nullable(),
    state: z.string(),
    error: runErrorView.nullable(),
  })
  .meta({ id: 'Attempt' });

/** A run with all fields. */
export const runView = runItem
  .extend({
    input: z.json().describe('The input of the job when the run was created, or the input of the manual run'),
    output: z.json().describe('What the task returned, null if nothing'),
    attempts: z.array(attemptView).describe('The attempts that did not succeed'),
  })
  .meta({ id: 'Run', examples: [exampleRun] });

/** The response header that has the path of a created run. */
export const runLocation = { Location: { description: 'The path of the run', schema: { type: 'string' as const } } };

export const logLineView = z
  .object({
    at: time,
    attempt: z.int(),
    level: z.enum(['debug', 'info', 'warn', 'error']),
    message: z.string(),
    fields: z.json(),
  })
  .meta({ id: 'LogLine', examples: [exampleLogLine] });

export type RunItem = z.output<typeof runItem>;
export type RunView = z.output<typeof runView>;
export type LogLineView = z.output<typeof logLineView>;
export type AttemptView = z.output<typeof attemptView>;

/** The columns that `itemOf` needs. Lists read only these, since inputs and outputs may be large. */
export const itemFields = [
  'id',
  'job',
  'task',
  'kind',
  'state',
  'reason',
  'scheduledAt',
  'queuedAt',
  'startedAt',
  'finishedAt',
  'latenessMs',
  'attempt',
  'retriesUsed',
  'nextAttemptAt',
  'replica',
  'error',
  'retryOf',
  'missedTo',
  'missedCount',
] as const satisfies readonly (keyof Run)[];

export function itemOf(run: Pick<Run, (typeof itemFields)[number]>): RunItem {
  const { stack: _stack, ...error } = run.error ?? { name: '', message: '' };
  return {
    id: run.id,
    job: run.job,
    task: run.task,
    kind: run.kind,
    state: run.state,
    reason: run.reason,
    scheduledAt: run.scheduledAt,
    queuedAt: run.queuedAt,
    startedAt: run.startedAt,
    finishedAt: run.finishedAt,
    latenessMs: run.latenessMs,
    durationMs: run.startedAt && run.finishedAt && run.finishedAt.getTime() - run.startedAt.getTime(),
    attempt: run.attempt,
    retriesUsed: run.retriesUsed,
    nextAttemptAt: run.nextAttemptAt,
    replica: run.replica,
    error: run.error && error,
    retryOf: run.retryOf,
    missed: run.missedTo && { from: run.scheduledAt, to: run.missedTo, count: run.missedCount },
  };
}

export const viewOf = (run: Run, attempts: AttemptView[]): RunView => ({
  ...itemOf(run),
  error: run.error,
  input: run.input as RunView['input'],
  output: run.output as RunView['output'],
  attempts,
});
