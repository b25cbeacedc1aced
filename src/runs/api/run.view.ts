import { z } from 'zod';
import type { DocumentedObject } from '../../core/documented-schema.js';
import { exampleLogLine, exampleRun, exampleRunItem } from './run-examples.js';
import { waitsForView } from './waits-for.js';
import { type Run, runKinds, runStates } from '../lifecycle/run.entity.js';

const time = z.date();

const causeFields = {
  /** 1 for a cause of the error itself, 2 for a cause of that cause. */
  depth: z.int().describe('1 for a cause of the error itself, 2 for a cause of that cause'),
  name: z.string(),
  /** Up to 1,024 characters. */
  message: z.string(),
  code: z.string().optional(),
};
const causeView: DocumentedObject<typeof causeFields, z.core.$strip> = z.object(causeFields);

const runErrorFields = {
  name: z.string(),
  /** Up to 16,384 characters. */
  message: z.string(),
  /** Stable, where the error has one. See API.md#find-out-why-a-run-failed. */
  code: z.string().optional(),
  /** Left out of lists. */
  stack: z.string().optional().describe('Omitted in lists'),
  /** Up to 20 causes and errors of AggregateErrors, to a depth of 5, each before its own causes. Left out of lists. */
  causes: z
    .array(causeView)
    .optional()
    .describe('Causes, and errors of AggregateErrors, each before its own causes. Up to 20. Omitted in lists'),
};
export const runErrorView: DocumentedObject<typeof runErrorFields, z.core.$strip> = z
  .object(runErrorFields)
  .meta({ id: 'RunError' });

const missedFields = {
  /** The first and the last of the missed occurrences. */
  from: time,
  to: time,
  /** How many there were; null: more than 10,000. */
  count: z.int().nullable().describe('Null: more than 10,000'),
};
const missedView: DocumentedObject<typeof missedFields, z.core.$strip> = z.object(missedFields);

const runItemFields = {
  /** UUID v7. */
  id: z.uuid().describe('UUID v7'),
  /** The name of the job. */
  job: z.string(),
  /** The name of the task, when the run was created. */
  task: z.string(),
  /** Why the run exists: for an occurrence (`schedule`, `catch_up`, `backfill`), a request (`manual`), or to repeat a finished run
   *  (`retry`). */
  kind: z.enum(runKinds),
  /** See API.md#states. */
  state: z.enum(runStates),
  /** Why the run is in its state. Null: nothing unusual. See API.md#reasons. */
  reason: z
    .string()
    .nullable()
    .describe(
      'Why the run is in this state: overlap, misfire, paused, worker_lost, shutdown, database_silent, replaced, user, job_deleted, poison, unknown_task',
    ),
  /** The time of the occurrence, without jitter. For a manual run: the time of the request. For a row of missed or skipped
   *  occurrences: the first of them. */
  scheduledAt: time.describe('The nominal instant. In a row for a range of occurrences, the first one'),
  /** When the run was created. */
  queuedAt: time,
  /** When the latest attempt started; null before the first. */
  startedAt: time.nullable().describe('Start of the latest attempt'),
  /** When the run, or its latest attempt, ended; null before. */
  finishedAt: time.nullable(),
  /** Milliseconds from the due time, with jitter, to the start of the first attempt; for `backfill` and `retry`, from the request.
   *  Null before the first attempt. */
  latenessMs: z
    .number()
    .nullable()
    .describe('Milliseconds from the due instant (with jitter) to the start of the first attempt'),
  /** Milliseconds from `startedAt` to `finishedAt`; null until both are known. */
  durationMs: z.number().nullable().describe('Start of the latest attempt'),
  /** How many attempts were started. */
  attempt: z.int().describe('Number of the latest attempt, 0 before the first'),
  /** How many of the job's `retry.limit` are used up. */
  retriesUsed: z.int(),
  /** When a `retrying` run starts again; null otherwise. */
  nextAttemptAt: time.nullable(),
  /** Number, host and pid of the process that started the latest attempt; null before the first. */
  replica: z.string().nullable().describe('Number, host and process id of the replica that started the latest attempt'),
  /** Of the latest attempt that did not succeed; null after one has succeeded. */
  error: runErrorView.nullable(),
  /** For `retry`: the id of the run that it repeats; null otherwise. */
  retryOf: z.uuid().nullable(),
  /** For a row that stands for several missed or skipped occurrences; null otherwise. */
  missed: missedView
    .nullable()
    .describe('Only in a row for a range of occurrences: its first and last instant and their number'),
};
/** A run as lists show it. */
export const runItem: DocumentedObject<typeof runItemFields, z.core.$strip> = z
  .object(runItemFields)
  .meta({ id: 'RunItem', examples: [exampleRunItem] });

const attemptFields = {
  /** From 1. */
  number: z.int(),
  replica: z.string().nullable(),
  startedAt: time.nullable(),
  finishedAt: time.nullable(),
  state: z.string(),
  error: runErrorView.nullable(),
};
export const attemptView: DocumentedObject<typeof attemptFields, z.core.$strip> = z
  .object(attemptFields)
  .meta({ id: 'Attempt' });

const runFields = {
  ...runItemFields,
  /** The input of the job when the run was created, or the input of the request. */
  input: z.json().describe('The input of the job when the run was created, or the input of the manual run'),
  /** What the task returned: JSON of up to 64 KiB; null for nothing. */
  output: z.json().describe('What the task returned, null if nothing'),
  /** Each attempt that did not succeed, from the first on. */
  attempts: z.array(attemptView).describe('The attempts that did not succeed'),
  /** What a run that has not started, or is between two attempts, waits for; null for all others. */
  waitsFor: waitsForView.nullable().describe('Null for a run that does not wait'),
  /** The runs that repeat this one, the oldest first. */
  retriedAs: z.array(z.uuid()).describe('The runs that repeat this one, the oldest first'),
};
/** A run in full. */
export const runView: DocumentedObject<typeof runFields, z.core.$strip> = z
  .object(runFields)
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
/** A run in full, as the API returns it. See API.md#run. */
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
  const { stack: _stack, causes: _causes, ...error } = run.error ?? { name: '', message: '' };
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

export const viewOf = (run: Run, attempts: AttemptView[]): Omit<RunView, 'waitsFor' | 'retriedAs'> => ({
  ...itemOf(run),
  error: run.error,
  input: run.input as RunView['input'],
  output: run.output as RunView['output'],
  attempts,
});
