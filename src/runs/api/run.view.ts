import { z } from 'zod';
import { exampleLogLine, exampleRun, exampleRunItem } from './run-examples.js';
import { type Run, runKinds, runStates } from '../lifecycle/run.entity.js';

const time = z.date();

export const runErrorView = z
  .object({
    name: z.string(),
    message: z.string(),
    code: z.string().optional(),
    stack: z.string().optional().describe('Left out of lists'),
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
        'Why it is in this state: overlap, misfire, paused, worker_lost, shutdown, replaced, user, job_deleted, poison, unknown_task',
      ),
    scheduledAt: time.describe('The nominal instant; of a range row, the first one'),
    queuedAt: time,
    startedAt: time.nullable().describe('Of the latest attempt'),
    finishedAt: time.nullable(),
    latenessMs: z.number().nullable().describe('From due to the first start'),
    durationMs: z.number().nullable().describe('Of the latest attempt'),
    attempt: z.int().describe('How often it was started'),
    retriesUsed: z.int(),
    nextAttemptAt: time.nullable(),
    replica: z.string().nullable().describe('Number, host and pid of the process that started it last'),
    error: runErrorView.nullable(),
    retryOf: z.uuid().nullable(),
    missed: z
      .object({ from: time, to: time, count: z.int().nullable().describe('Null: over 10,000') })
      .nullable()
      .describe('On a row that stands for a range of occurrences'),
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

/** A run in full. */
export const runView = runItem
  .extend({
    input: z.json().describe('What the job had when the run was made, or what it was run by hand with'),
    output: z.json().describe('What the task returned; null for nothing'),
    attempts: z.array(attemptView).describe('Each attempt that did not succeed'),
  })
  .meta({ id: 'Run', examples: [exampleRun] });

/** Documents where a run that was made is. */
export const runLocation = { Location: { description: 'Where the run is', schema: { type: 'string' as const } } };

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

/** What `itemOf` reads. */
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
