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
/** The states that a run can leave; all others are final. The partial index runs_open has the same list. */
export const unfinishedStates: readonly RunState[] = ['pending', 'running', 'retrying'];
export type RunState = (typeof runStates)[number];

export interface RetryPolicy {
  limit: number;
  delaySeconds: number;
  backoff: 'fixed' | 'exponential';
  maxDelaySeconds: number;
}

/** Of a row of runs: whether it is unfinished. */
export const isUnfinished = `state IN (${unfinishedStates.map((state) => `'${state}'`).join(', ')})`;
/** Of a row of runs: whether it waits for its first or its next attempt. */
export const isWaiting = `state IN (${unfinishedStates
  .filter((state) => state !== 'running')
  .map((state) => `'${state}'`)
  .join(', ')})`;

/** Why an attempt did not succeed. */
export interface RunError {
  name: string;
  message: string;
  code?: string;
  stack?: string;
}

/** What became of an occurrence, or of a request by hand. Times are UTC, whole milliseconds, by the database's clock. */
@Entity('runs')
export class Run {
  /** UUID v7. */
  @PrimaryColumn('uuid') id: string;
  @Column({ type: 'uuid', name: 'job_id' }) jobId: string;
  @Column('text') job: string;
  @Column('text') task: string;
  @Column('text') kind: RunKind;
  @Column('text') state: RunState;
  @Column({ type: 'text', nullable: true }) reason: string | null;
  /** The nominal instant; of a range row, the first one. */
  @Column({ type: 'timestamptz', name: 'scheduled_at', precision: 3 }) scheduledAt: Date;
  /** The nominal instant with its jitter; lateness counts from here. */
  @Column({ type: 'timestamptz', name: 'due_at', precision: 3 }) dueAt: Date;
  @Column({ type: 'timestamptz', name: 'queued_at', precision: 3 }) queuedAt: Date;
  /** Of the latest attempt. */
  @Column({ type: 'timestamptz', name: 'started_at', precision: 3, nullable: true }) startedAt: Date | null;
  @Column({ type: 'timestamptz', name: 'finished_at', precision: 3, nullable: true }) finishedAt: Date | null;
  @Column({ type: 'timestamptz', name: 'next_attempt_at', precision: 3, nullable: true }) nextAttemptAt: Date | null;
  /** From due to the first attempt's start. */
  @Column({ type: 'double precision', name: 'lateness_ms', nullable: true }) latenessMs: number | null;
  /** Counts starts, and fences: only the attempt with this number may settle. */
  @Column('integer') attempt: number;
  @Column({ type: 'integer', name: 'retries_used' }) retriesUsed: number;
  /** How many processes were lost under this run. */
  @Column('integer') interruptions: number;
  @Column({ type: 'integer', name: 'replica_number', nullable: true }) replicaNumber: number | null;
  @Column({ type: 'text', nullable: true }) replica: string | null;
  /** Pending without a queue entry, until other runs of the job have ended. */
  @Column('boolean') held: boolean;
  /** Running, but claimed before a slot was free, and not known to have started. */
  @Column({ type: 'boolean', name: 'claimed_ahead' }) claimedAhead: boolean;
  @Column('integer') priority: number;
  @Column({ type: 'double precision', name: 'timeout_seconds' }) timeoutSeconds: number;
  @Column('jsonb') retry: RetryPolicy;
  @Column({ type: 'text', name: 'on_interruption' }) onInterruption: 'rerun' | 'fail';
  @Column('jsonb') input: unknown;
  @Column({ type: 'jsonb', nullable: true }) output: unknown;
  @Column({ type: 'jsonb', nullable: true }) error: RunError | null;
  @Column({ type: 'uuid', name: 'retry_of', nullable: true }) retryOf: string | null;
  /** Of a range row: the last instant, and how many there were (null: over 10,000). */
  @Column({ type: 'timestamptz', name: 'missed_to', precision: 3, nullable: true }) missedTo: Date | null;
  @Column({ type: 'integer', name: 'missed_count', nullable: true }) missedCount: number | null;
}

/** A row of the history that has reached a final state. */
export interface EndedRun {
  job: string;
  kind: RunKind;
  state: RunState;
  reason: string | null;
}
