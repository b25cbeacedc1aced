import { Column, Entity, PrimaryColumn } from 'typeorm';
import { type RunKind, runKinds } from '../../tasks/run-context.js';

export { type RunKind, runKinds };

export const runStates = [
  'pending',
  'running',
  'retrying',
  'succeeded',
  'failed',
  'timed_out',
  'cancelled',
  'skipped',
  'missed',
] as const;
/** The states that a run can leave. All others are final. The partial index runs_open repeats this list. */
export const unfinishedStates: readonly RunState[] = ['pending', 'running', 'retrying'];
export type RunState = (typeof runStates)[number];

export interface RetryPolicy {
  limit: number;
  delaySeconds: number;
  backoff: 'fixed' | 'exponential';
  maxDelaySeconds: number;
}

/** SQL: whether a row of `runs` is unfinished. */
export const isUnfinished = `state IN (${unfinishedStates.map((state) => `'${state}'`).join(', ')})`;
/** SQL: whether a row of `runs` waits for its first or its next attempt. */
export const isWaiting = `state IN (${unfinishedStates
  .filter((state) => state !== 'running')
  .map((state) => `'${state}'`)
  .join(', ')})`;

const kindsInScheduleLane: readonly RunKind[] = ['schedule', 'manual', 'retry'];
/** SQL: the kinds of runs among which the overlap policy of a job decides. */
export const inScheduleLane = kindsInScheduleLane.map((kind) => `'${kind}'`).join(', ');

/** Why an attempt did not succeed. */
export interface RunError {
  name: string;
  message: string;
  code?: string;
  /** With the stacks of the causes below it. */
  stack?: string;
  /** Its causes and the errors of an AggregateError, each before its own causes. Left out if there are none. */
  causes?: { depth: number; name: string; message: string; code?: string }[];
}

/** The history of one occurrence or of one manual request: a run, or a `skipped` or `missed` row. Times are whole
 *  milliseconds in UTC, by the database's clock. */
@Entity('runs')
export class Run {
  /** A UUID of version 7 whose milliseconds are those of `queuedAt`. */
  @PrimaryColumn('uuid') id: string;
  @Column({ type: 'uuid', name: 'job_id' }) jobId: string;
  @Column('text') job: string;
  @Column('text') task: string;
  @Column('text') kind: RunKind;
  @Column('text') state: RunState;
  @Column({ type: 'text', nullable: true }) reason: string | null;
  /** The nominal instant. In a range row, the first one. */
  @Column({ type: 'timestamptz', name: 'scheduled_at', precision: 3 }) scheduledAt: Date;
  /** The nominal instant plus its jitter, or the edit of the trigger that ended the jitter. Lateness counts from here. */
  @Column({ type: 'timestamptz', name: 'due_at', precision: 3 }) dueAt: Date;
  @Column({ type: 'timestamptz', name: 'queued_at', precision: 3 }) queuedAt: Date;
  /** The start of the latest attempt. Null if none has started. */
  @Column({ type: 'timestamptz', name: 'started_at', precision: 3, nullable: true }) startedAt: Date | null;
  @Column({ type: 'timestamptz', name: 'finished_at', precision: 3, nullable: true }) finishedAt: Date | null;
  @Column({ type: 'timestamptz', name: 'next_attempt_at', precision: 3, nullable: true }) nextAttemptAt: Date | null;
  /** From `dueAt` to the start of the first attempt. Null before that. */
  @Column({ type: 'double precision', name: 'lateness_ms', nullable: true }) latenessMs: number | null;
  /** The number of the latest attempt, from 1. Also the fence: only the attempt with this number may settle the run. */
  @Column('integer') attempt: number;
  @Column({ type: 'integer', name: 'retries_used' }) retriesUsed: number;
  /** How many processes were lost while they executed this run. */
  @Column('integer') interruptions: number;
  @Column({ type: 'integer', name: 'replica_number', nullable: true }) replicaNumber: number | null;
  @Column({ type: 'text', nullable: true }) replica: string | null;
  /** True for a pending run without a queue entry, which waits until other runs of the job have ended. */
  @Column('boolean') held: boolean;
  /** True for a `running` run that was claimed before a slot was free and is not known to have started. */
  @Column({ type: 'boolean', name: 'claimed_ahead' }) claimedAhead: boolean;
  @Column('integer') priority: number;
  @Column({ type: 'double precision', name: 'timeout_seconds' }) timeoutSeconds: number;
  @Column('jsonb') retry: RetryPolicy;
  @Column({ type: 'text', name: 'on_interruption' }) onInterruption: 'rerun' | 'fail';
  @Column('jsonb') input: unknown;
  @Column({ type: 'jsonb', nullable: true }) output: unknown;
  @Column({ type: 'jsonb', nullable: true }) error: RunError | null;
  @Column({ type: 'uuid', name: 'retry_of', nullable: true }) retryOf: string | null;
  /** Set in retries only: the key of the run that it repeats. Null: see idempotencyKeyOf. */
  @Column({ type: 'text', name: 'idempotency_key', nullable: true }) idempotencyKey: string | null;
  /** Set in range rows only: the last instant, and how many occurrences there were. A null count means over 10,000. */
  @Column({ type: 'timestamptz', name: 'missed_to', precision: 3, nullable: true }) missedTo: Date | null;
  @Column({ type: 'integer', name: 'missed_count', nullable: true }) missedCount: number | null;
}

/** The key by which a receiver recognises a repetition of this run. The same in all attempts of a run and in all its retries, retries
 *  of these included. For an occurrence it is the same even after a restore of the database. Any other run has its own id. */
export const idempotencyKeyOf = ({
  idempotencyKey,
  kind,
  job,
  scheduledAt,
  id,
}: Pick<Run, 'idempotencyKey' | 'kind' | 'job' | 'scheduledAt' | 'id'>): string =>
  idempotencyKey ?? (kind === 'schedule' || kind === 'catch_up' ? `${job}/${scheduledAt.toISOString()}` : id);

/** A row that has reached its final state, as metrics count it. */
export interface EndedRun {
  job: string;
  kind: RunKind;
  state: RunState;
  reason: string | null;
}
