import type { EntityManager } from 'typeorm';
import { rows } from '../../database/transaction.js';
import { notify } from '../../replicas/notify.js';
import type { ClaimedRun } from './claim-runs.js';
import type { Outcome } from './outcome.js';
import { releaseHeld } from './release-held.js';
import { enqueue } from './run-queue.js';
import type { RunState } from './run.entity.js';

export interface SettledRun {
  id: string;
  /** As stored: a run that was to be cancelled gets no further attempt. */
  state: RunState;
  reason: string | null;
  /** Whether the run has reached its end. */
  final: boolean;
}

/** Writes the ends of attempts. The attempt's number is the fence: a run that has been claimed again since is left alone. Returns the
 *  runs that were settled. Queue entries for next attempts and for released runs are written with them. */
export async function settleRuns(tx: EntityManager, outcomes: Outcome[]): Promise<SettledRun[]> {
  // Sent one after the other without waiting: held runs are looked for when the ends are visible.
  const [settled] = await Promise.all([
    rows<SettledRun & { ready: boolean }>(tx, settle, [JSON.stringify(outcomes.map(record))]),
    releaseHeld(
      tx,
      outcomes.map(({ run }) => run.jobId),
    ),
  ]);
  if (settled.some(({ ready }) => ready)) await notify(tx, 'runs');
  return settled;
}

const record = ({ run, state, reason, output, error, isRetry, delayMs, started }: Outcome) => ({
  id: run.id,
  attempt: run.attempt,
  state,
  reason: reason ?? undefined,
  // The server parses it again, so that one text is not encoded twice.
  output: output ?? undefined,
  error: error ?? undefined,
  retries: isRetry ? 1 : 0,
  delay: delayMs ?? undefined,
  started,
  startedAt: started && run.claimedAhead ? run.startedAt : undefined,
});

// A cancelled run that did not succeed is cancelled, however its attempt ended. A run of a deleted job has a reason without a request:
// it is cancelled where another attempt would follow.
const cancelled = `(runs.cancel_reason IS NOT NULL AND o.state <> 'succeeded'
  AND (runs.cancel_requested_at IS NOT NULL OR o.delay IS NOT NULL))`;
// `state NOT IN (…)` and not `state = 'running'`: see claim-runs. An attempt that did not succeed leaves a row. `retrying` is a state of the
// run; its attempt has failed.
// A run that goes back without having started keeps its place in the queue.
const nextReadyAt = 'COALESCE(next_attempt_at, CASE WHEN started THEN statement_timestamp() ELSE queued_at END)';
const settle = `
  WITH outcome AS (
    SELECT * FROM jsonb_to_recordset($1::jsonb) AS o (id uuid, attempt integer, state text, reason text, output text,
      error jsonb, retries integer, delay double precision, started boolean, "startedAt" timestamptz)
  ), settled AS (
    UPDATE runs SET state = CASE WHEN ${cancelled} THEN 'cancelled' ELSE o.state END,
      reason = CASE WHEN ${cancelled} THEN cancel_reason ELSE o.reason END, output = o.output::jsonb, error = o.error,
      finished_at = CASE WHEN ${cancelled} OR o.delay IS NULL THEN statement_timestamp() END,
      retries_used = retries_used + o.retries, claimed_ahead = false,
      started_at = CASE WHEN o.started THEN COALESCE(o."startedAt", runs.started_at) END,
      lateness_ms = COALESCE(lateness_ms, ${latenessOf('o."startedAt"')}),
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
    FROM outcome o JOIN settled s ON s.id = o.id WHERE o.state <> 'succeeded' AND o.started
  )
  SELECT id, state, reason, finished_at IS NOT NULL AS final, finished_at IS NULL AND next_attempt_at IS NULL AS ready
  FROM settled`;

function latenessOf(start: string): string {
  return `CASE WHEN ${start} IS NOT NULL THEN round(1000 * extract(epoch FROM ${start} - due_at)) END`;
}

/** Writes down that these runs, which were claimed ahead, have started. Until then a lost process leaves open whether they have. */
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
  /** Whether that was the end of the run. */
  final: boolean;
}

/** The runs of these outcomes that are stored already, because only the answer to their COMMIT was lost. Nothing else is mistaken for
 *  it: only the attempt itself can succeed under its number, and an attempt that failed has left the same error. */
export async function settledBefore(tx: EntityManager, outcomes: Outcome[]): Promise<Map<string, SettledBefore>> {
  if (outcomes.length === 0) return new Map();
  const found = await rows<SettledBefore>(tx, stored, [
    JSON.stringify(outcomes.map(({ run, error }) => ({ id: run.id, attempt: run.attempt, error }))),
  ]);
  return new Map(found.map((run) => [run.id, run]));
}

// The run itself may have gone on to its next attempt since.
const stored = `
  SELECT runs.id, runs.state, runs.reason, runs.attempt = o.attempt AND runs.finished_at IS NOT NULL AS final
  FROM jsonb_to_recordset($1::jsonb) AS o (id uuid, attempt integer, error jsonb)
  JOIN runs ON runs.id = o.id LEFT JOIN run_attempts a ON a.run_id = o.id AND a.number = o.attempt
  WHERE (runs.attempt = o.attempt AND runs.state = 'succeeded') OR a.error = o.error`;
