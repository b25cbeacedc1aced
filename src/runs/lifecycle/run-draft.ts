import type { RetryPolicy, RunKind } from './run.entity.js';

/** What a run copies from its job, so that an edit never rewrites the past. */
export interface Copied {
  job: string;
  task: string;
  priority: number;
  timeoutSeconds: number;
  retry: RetryPolicy;
  onInterruption: 'rerun' | 'fail';
  input: unknown;
}

/** A disposition to be written down: a run to start, or a `skipped` or `missed` row. */
export interface RunDraft extends Copied {
  jobId: string;
  kind: RunKind;
  state: 'pending' | 'skipped' | 'missed';
  /** Pending without a ticket, until others have ended. */
  held: boolean;
  reason: string | null;
  scheduledAt: Date;
  dueAt: Date;
  retryOf?: string;
  /** The replica in which it starts with the row; it gets no ticket. */
  startedBy?: { number: number; name: string };
  /** Of a range row: its last instant, and how many there were (null: over 10,000). */
  missed?: { to: Date; count: number | null };
}

export interface RecordedRun extends RunDraft {
  id: string;
  /** Null: it has not started. */
  startedAt: Date | null;
  latenessMs: number | null;
}
