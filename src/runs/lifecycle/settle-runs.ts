import type { EntityManager } from 'typeorm';
import { rows, together } from '../../database/transaction.js';
import { notify } from '../../replicas/notify.js';
import type { ClaimedRun } from './claim-runs.js';
import type { Outcome } from './outcome.js';
import { releaseHeld } from './release-held.js';
import { enqueue } from './run-queue.js';
import type { RunState } from './run.entity.js';
import { LATE_MS } from './unread-ends.js';

export interface SettledRun {
  id: string;
  /** The stored state. It differs from the outcome if the run was cancelled meanwhile. */
  state: RunState;
  reason: string | null;
  /** Whether the run has reached its final state. */
  final: boolean;
}

/**
 * Writes the outcomes of attempts, with the queue entries for next attempts and for runs that were held because of
 * them. Returns the runs that it settled.
 *
 * The attempt number is the fence: a run that was claimed again since, or that has ended, is left alone and is missing
 * from the returned list. A process that was silent and comes back can therefore change nothing.
 */
export async function settleRuns(tx: EntityManager, outcomes: Outcome[]): Promise<SettledRun[]> {
  // One round trip for two statements, if the connection is pipelined. Held runs must be released by a statement of its own: see
  // releaseHeld.
  const [settled] = await together(
    tx,
    () => rows<SettledRun & { ready: boolean }>(tx, settle, [JSON.stringify(outcomes.toSorted(byRunId).map(recordOf))]),
    () =>
      releaseHeld(
        tx,
        outcomes.map(({ run }) => run.jobId),
      ),
  );
  if (settled.some(({ ready }) => ready)) await notify(tx, 'runs');
  return settled;
}

/** Transactions that lock several runs do so in the order of their ids. */
const byRunId = (a: Outcome, b: Outcome): number => (a.run.id < b.run.id ? -1 : 1);

const recordOf = ({ run, state, reason, output, error, isRetry, delayMs, started }: Outcome) => ({
  id: run.id,
  attempt: run.attempt,
  state,
  reason: reason ?? undefined,
  // A JSON text inside JSON. The statement casts it to jsonb, so Node does not have to parse and encode it again.
  output: output ?? undefined,
  error: error ?? undefined,
  retries: isRetry ? 1 : 0,
  delay: delayMs ?? undefined,
  started,
  startedAt: started && run.claimedAhead ? run.startedAt : undefined,
});

// A run with a request to cancel ends as `cancelled`, however its attempt ended, unless the attempt succeeded. A run
// of a deleted job has a reason but no request: it ends as `cancelled` only if another attempt would follow.
const cancelled = `(runs.cancel_reason IS NOT NULL AND o.state <> 'succeeded'
  AND (runs.cancel_requested_at IS NOT NULL OR o.delay IS NOT NULL))`;
// `state NOT IN (…)` and not `state = 'running'`: the planner would use a partial index, see claim-runs. Every attempt
// that started and did not succeed leaves a row in run_attempts. Its state there is `failed` or `timed_out`, also when
// the run itself is `retrying` or `pending` again.
// A run that goes back without having started keeps its place in the queue.
const nextReadyAt = 'COALESCE(next_attempt_at, CASE WHEN started THEN statement_timestamp() ELSE queued_at END)';
const settle = `
  WITH outcome AS (
    SELECT * FROM jsonb_to_recordset($1::jsonb) AS o (id uuid, attempt integer, state text, reason text, output text,
      error jsonb, retries integer, delay double precision, started boolean, "startedAt" timestamptz)
  ), settled AS (
    UPDATE runs SET state = CASE WHEN ${cancelled} THEN 'cancelled' ELSE o.state END,
      reason = CASE WHEN ${cancelled} THEN cancel_reason ELSE o.reason END, output = o.output::jsonb,
      error = CASE WHEN o.started THEN o.error ELSE runs.error END,
      finished_at = CASE WHEN ${cancelled} OR o.delay IS NULL THEN statement_timestamp() END,
      retries_used = retries_used + o.retries, claimed_ahead = false,
      started_at = CASE WHEN o.started THEN COALESCE(o."startedAt", runs.started_at) END,
      lateness_ms = CASE WHEN o.started OR EXISTS (SELECT FROM run_attempts WHERE run_id = o.id)
        THEN COALESCE(lateness_ms, ${latenessOf('o."startedAt"')}) END,
      late = COALESCE(COALESCE(lateness_ms, ${latenessOf('o."startedAt"')}) >= ${LATE_MS}, false),
      next_attempt_at = CASE WHEN o.state = 'retrying' AND NOT ${cancelled}
        THEN statement_timestamp() + o.delay * interval '1 ms' END
    FROM outcome o
    WHERE runs.id = o.id AND runs.attempt = o.attempt AND runs.state NOT IN ('pending', 'retrying')
      AND runs.finished_at IS NULL
    RETURNING runs.*, o.started
  ), queued AS (${enqueue('settled WHERE finished_at IS NULL', nextReadyAt)}
  ), attempts AS (
    INSERT INTO run_attempts (run_id, number, replica, started_at, finished_at, state, error)
    SELECT o.id, o.attempt, s.replica, s.started_at, statement_timestamp(),
      CASE WHEN o.state IN ('retrying', 'pending') THEN CASE o.error->>'code' WHEN 'TIMED_OUT' THEN 'timed_out' ELSE 'failed' END
        ELSE o.state END, o.error
    FROM outcome o JOIN settled s ON s.id = o.id AND s.attempt = o.attempt WHERE o.state <> 'succeeded' AND o.started
  )
  SELECT id, state, reason, finished_at IS NOT NULL AS final, finished_at IS NULL AND next_attempt_at IS NULL AS ready
  FROM settled`;

function latenessOf(start: string): string {
  return `CASE WHEN ${start} IS NOT NULL THEN round(1000 * extract(epoch FROM ${start} - due_at)) END`;
}

/** Stores that these runs, which were claimed ahead, have started. If the process dies before that, they count as not
 *  started. The fence is the attempt number, as in settleRuns. */
export async function markStarted(tx: EntityManager, runs: ClaimedRun[]): Promise<void> {
  const started = runs.map(({ id, attempt, startedAt }) => ({ id, attempt, startedAt }));
  await tx.query(mark, [JSON.stringify(started)]);
}

const mark = `
  UPDATE runs SET claimed_ahead = false, started_at = s."startedAt",
    lateness_ms = COALESCE(lateness_ms, ${latenessOf('s."startedAt"')})
  FROM jsonb_to_recordset($1::jsonb) AS s (id uuid, attempt integer, "startedAt" timestamptz)
  WHERE runs.id = s.id AND runs.attempt = s.attempt AND runs.claimed_ahead AND runs.finished_at IS NULL`;

export interface SettledBefore {
  id: string;
  state: RunState;
  reason: string | null;
  /** Whether this outcome ended the run. */
  final: boolean;
}

/**
 * Finds the outcomes that are stored already, because an earlier transaction committed and only the reply to its COMMIT
 * was lost. This tells them apart from stale results, which must be refused and counted.
 *
 * No stale result can look like this: only the attempt itself can have succeeded under its number, and an attempt that
 * did not succeed has left the same error in `run_attempts`.
 */
export async function settledBefore(tx: EntityManager, outcomes: Outcome[]): Promise<Map<string, SettledBefore>> {
  if (outcomes.length === 0) return new Map();
  const found = await rows<SettledBefore>(tx, stored, [
    JSON.stringify(outcomes.map(({ run, error }) => ({ id: run.id, attempt: run.attempt, error }))),
  ]);
  return new Map(found.map((run) => [run.id, run]));
}

// The run itself may already be in its next attempt. Then `final` is false.
const stored = `
  SELECT runs.id, runs.state, runs.reason, runs.attempt = o.attempt AND runs.finished_at IS NOT NULL AS final
  FROM jsonb_to_recordset($1::jsonb) AS o (id uuid, attempt integer, error jsonb)
  JOIN runs ON runs.id = o.id LEFT JOIN run_attempts a ON a.run_id = o.id AND a.number = o.attempt
  WHERE (runs.attempt = o.attempt AND runs.state = 'succeeded') OR a.error = o.error`;
