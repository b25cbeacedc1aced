import type { EntityManager } from 'typeorm';
import { v7 } from 'uuid';
import { rows } from '../../database/transaction.js';
import { enqueue } from './run-queue.js';
import type { RetryPolicy, RunKind } from './run.entity.js';

/** What a run copies from its job. A later edit of the job does not change existing runs. */
export interface Copied {
  job: string;
  task: string;
  priority: number;
  timeoutSeconds: number;
  retry: RetryPolicy;
  onInterruption: 'rerun' | 'fail';
  input: unknown;
}

/** A row of the history to be written: a run, or a `skipped` or `missed` row. */
export interface RunDraft extends Copied {
  jobId: string;
  kind: RunKind;
  state: 'pending' | 'skipped' | 'missed';
  /** True for a pending run that gets no queue entry until other runs of the job have ended. */
  held: boolean;
  reason: string | null;
  scheduledAt: Date;
  dueAt: Date;
  retryOf?: string;
  /** Set for a retry: the key of the run that it repeats, see idempotencyKeyOf. */
  idempotencyKey?: string;
  /** The replica that starts the run after the commit. The run is then created as `running` and gets no queue entry.
   *  `ahead`: all slots are taken, and the run waits in the process for the next one. */
  startedBy?: { number: number; name: string; ahead: boolean };
  /** Set for a row that stands for a range of occurrences: the last instant, and how many there are. A null count means
   *  more than 10,000. */
  missed?: { to: Date; count: number | null };
}

export interface CreatedRun extends RunDraft {
  id: string;
  /** When it was created as `running`, by the database's clock. Null for all other rows. */
  startedAt: Date | null;
  latenessMs: number | null;
}

type Written = Pick<CreatedRun, 'id' | 'startedAt' | 'latenessMs'>;

/** How many characters of inputs one statement writes, so that it ends well within its timeout. */
const MAX_INPUT_SIZE = 16 * 2 ** 20;

/**
 * Writes the drafts, and queue entries for the runs that may start, in the same statement: no run that may start is
 * ever committed without an entry. The caller notifies `runs`.
 *
 * Returns the rows that are new, in the order of the drafts. An occurrence of the schedule that already has a row is
 * left out: the unique index `runs_occurrence` on job and instant refuses a second one. `now` is the database's clock.
 *
 * With `copied`, all runs get these values. Without it, each run copies from the row of its job. The transaction must
 * have locked these rows, so that the values are those with which the caller decided.
 */
export async function createRuns(
  tx: EntityManager,
  now: Date,
  drafts: RunDraft[],
  copied?: Copied,
): Promise<CreatedRun[]> {
  if (drafts.length === 0) return [];
  // Lists and prune-runs read queued_at from the milliseconds of an id, so both must come from the same instant.
  // Sorted, since lists show runs in the order of their ids.
  const ids = drafts.map(() => v7({ msecs: now.getTime() })).toSorted();
  const starter = drafts.find(({ startedBy }) => startedBy)?.startedBy;
  const values = [now, starter?.number, starter?.name, ...(copied ? [JSON.stringify(copied)] : [])];
  const records = drafts.map((draft, index) => recordOf(draft, ids[index]!));
  const written = new Map<string, Written>();
  for (const batch of inBatches(drafts, records))
    for (const run of await rows<Written>(tx, copied ? insertCopies : insertOfJobs, [JSON.stringify(batch), ...values]))
      written.set(run.id, run);
  return ids.flatMap((id, index) => {
    const run = written.get(id);
    return run ? [{ ...drafts[index]!, ...run }] : [];
  });
}

/** JSON leaves out undefined fields, and they become null in the row. This keeps the statement's parameter small. */
const recordOf = (
  { jobId, kind, state, held, reason, scheduledAt, dueAt, retryOf, idempotencyKey, startedBy, missed }: RunDraft,
  id: string,
) => ({
  id,
  jobId,
  kind,
  state: startedBy ? 'running' : state,
  held,
  ahead: startedBy?.ahead ?? false,
  scheduledAt,
  dueAt,
  retryOf,
  idempotencyKey,
  reason: reason ?? undefined,
  missedTo: missed?.to,
  missedCount: missed?.count ?? undefined,
});

/** Splits the records into batches of at most MAX_INPUT_SIZE characters of input. A single larger input gets its own. */
function inBatches(drafts: RunDraft[], records: object[]): object[][] {
  // Many runs of one job share the same input object. It is measured once.
  const sizes = new Map<unknown, number>();
  const batches: object[][] = [];
  let sizeOfBatch = MAX_INPUT_SIZE;
  for (const [index, { input }] of drafts.entries()) {
    const size = sizes.get(input) ?? JSON.stringify(input).length;
    sizes.set(input, size);
    if (sizeOfBatch + size > MAX_INPUT_SIZE) {
      batches.push([]);
      sizeOfBatch = 0;
    }
    sizeOfBatch += size;
    batches.at(-1)!.push(records[index]!);
  }
  return batches;
}

// A run that starts directly is written as a claim would leave it: attempt 1, its start, its lateness and its replica.
// ON CONFLICT DO NOTHING leaves out occurrences that have a run. Their rows are not in `created`, so they get no entry.
const insertFrom = (source: string) => `
  WITH created AS (
    INSERT INTO runs (id, job_id, job, task, kind, state, reason, scheduled_at, due_at, queued_at, finished_at,
      held, claimed_ahead, priority, timeout_seconds, retry, on_interruption, input, retry_of, idempotency_key, missed_to, missed_count,
      attempt, started_at, lateness_ms, replica_number, replica)
    SELECT draft.id, "jobId", source.name, source.task, kind, state, reason, "scheduledAt", "dueAt", $2,
      CASE WHEN state IN ('skipped', 'missed') THEN $2::timestamptz END, held, ahead, source.priority,
      source.timeout_seconds, source.retry, source.on_interruption, source.input, "retryOf", "idempotencyKey", "missedTo",
      "missedCount",
      (state = 'running')::int, CASE WHEN state = 'running' THEN clock_timestamp() END,
      CASE WHEN state = 'running' AND NOT ahead
        THEN round(1000 * extract(epoch FROM clock_timestamp() - "dueAt")) END,
      CASE WHEN state = 'running' THEN $3::integer END, CASE WHEN state = 'running' THEN $4 END
    FROM jsonb_to_recordset($1::jsonb) AS draft (id uuid, "jobId" uuid, kind text, state text, reason text,
      "scheduledAt" timestamptz, "dueAt" timestamptz, held boolean, ahead boolean, "retryOf" uuid,
      "idempotencyKey" text, "missedTo" timestamptz, "missedCount" integer)
      JOIN ${source}
    ORDER BY draft.id
    ON CONFLICT DO NOTHING
    RETURNING id, task, priority, on_interruption, interruptions, state, held, started_at, lateness_ms
  ),
  queued AS (${enqueue(`created WHERE state = 'pending' AND NOT held`, '$2')})
  SELECT id, started_at AS "startedAt", lateness_ms AS "latenessMs" FROM created`;
const insertOfJobs = insertFrom('jobs AS source ON source.id = draft."jobId"');
const insertCopies = insertFrom(`(
  SELECT job AS name, task, priority, "timeoutSeconds" AS timeout_seconds, retry, "onInterruption" AS on_interruption, input
  FROM jsonb_to_record($5::jsonb) AS copied (job text, task text, priority integer, "timeoutSeconds" double precision,
    retry jsonb, "onInterruption" text, input jsonb)) AS source ON true`);
