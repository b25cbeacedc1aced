import type { EntityManager } from 'typeorm';
import { v7 } from 'uuid';
import { rows } from '../../database/transaction.js';
import type { RunQueue, Ticket } from './run-queue.js';
import { releaseHeld } from './release-held.js';
import type { ClaimedRun } from './claim-runs.js';
import type { RunError, RunState } from './run.entity.js';

/** How an attempt ended, and what becomes of its run. */
export interface Outcome {
  run: ClaimedRun;
  /** Of the run. `retrying` and `pending` call for another attempt. */
  state: RunState;
  reason: string | null;
  /** JSON text. */
  output: string | null;
  error: RunError | null;
  /** Whether this attempt used up one of the retries. */
  isRetry: boolean;
  /** Until the next attempt; null when there is none. */
  delayMs: number | null;
}

export interface SettledRun {
  id: string;
  /** As it is stored: a run that was to be cancelled is not started again. */
  state: RunState;
  reason: string | null;
  /** Of the next attempt; null where the run has its end. */
  ticket: string | null;
  nextAttemptAt: Date | null;
}

/** Ends attempts, fenced by their number: a run that has been started again since is left alone. Answers those ended. */
export async function settleRuns(tx: EntityManager, queue: RunQueue, outcomes: Outcome[]): Promise<SettledRun[]> {
  const next = new Map(outcomes.filter(({ delayMs }) => delayMs !== null).map(({ run }) => [run.id, v7()]));
  const runs = new Map(outcomes.map(({ run }) => [run.id, run]));
  // Sent one behind the other: what is held is looked at when the ends are there.
  const [settled] = await Promise.all([
    rows<SettledRun>(tx, settle, [
      JSON.stringify(outcomes.map((outcome) => record(outcome, next.get(outcome.run.id)))),
    ]),
    // Also the tickets of stale attempts: nobody else removes them.
    queue.remove(
      tx,
      outcomes.flatMap(({ run }) => run.ticket ?? []),
    ),
    releaseHeld(
      tx,
      queue,
      outcomes.map(({ run }) => run.jobId),
    ),
  ]);
  const tickets = settled.flatMap(({ id, ticket, nextAttemptAt }): Ticket[] => {
    const { task, priority } = runs.get(id)!;
    return ticket
      ? [{ id: ticket, runId: id, task, priority, ...(nextAttemptAt && { startAfter: nextAttemptAt }) }]
      : [];
  });
  await queue.deliver(tx, tickets);
  if (tickets.some(({ startAfter }) => startAfter === undefined)) await queue.announce(tx);
  return settled;
}

const record = ({ run, state, reason, output, error, isRetry, delayMs }: Outcome, ticket?: string) => ({
  id: run.id,
  attempt: run.attempt,
  state,
  reason: reason ?? undefined,
  // Parsed again by the server, so that one text is not encoded twice.
  output: output ?? undefined,
  error: error ?? undefined,
  retries: isRetry ? 1 : 0,
  delay: delayMs ?? undefined,
  ticket,
});

// A cancelled run that has not made it is cancelled, whatever became of its attempt; that of a deleted job where another
// attempt would follow. An attempt that did not succeed leaves a row; `retrying` is a state of the run, of its attempt it is a failure.
const cancelled = `(runs.cancel_reason IS NOT NULL AND o.state <> 'succeeded'
  AND (runs.cancel_requested_at IS NOT NULL OR o.delay IS NOT NULL))`;
const settle = `
  WITH outcome AS (
    SELECT * FROM jsonb_to_recordset($1::jsonb) AS o (id uuid, attempt integer, state text, reason text,
      output text, error jsonb, retries integer, delay double precision, ticket uuid)
  ), settled AS (
    UPDATE runs SET state = CASE WHEN ${cancelled} THEN 'cancelled' ELSE o.state END,
      reason = CASE WHEN ${cancelled} THEN cancel_reason ELSE o.reason END, output = o.output::jsonb, error = o.error,
      finished_at = CASE WHEN ${cancelled} OR o.delay IS NULL THEN statement_timestamp() END,
      retries_used = retries_used + o.retries, ticket = CASE WHEN NOT ${cancelled} THEN o.ticket END,
      next_attempt_at = CASE WHEN o.state = 'retrying' AND NOT ${cancelled}
        THEN statement_timestamp() + o.delay * interval '1 ms' END
    FROM outcome o
    WHERE runs.id = o.id AND runs.attempt = o.attempt AND runs.state = 'running'
    RETURNING runs.id, runs.state, runs.reason, runs.ticket, runs.next_attempt_at, runs.replica, runs.started_at
  ), attempts AS (
    INSERT INTO run_attempts (run_id, number, replica, started_at, finished_at, state, error)
    SELECT o.id, o.attempt, s.replica, s.started_at, statement_timestamp(),
      CASE WHEN o.state IN ('retrying', 'pending') THEN CASE o.error->>'code' WHEN 'TIMED_OUT' THEN 'timed_out' ELSE 'failed' END
        ELSE o.state END, o.error
    FROM outcome o JOIN settled s ON s.id = o.id WHERE o.state <> 'succeeded'
  )
  SELECT id, state, reason, ticket, next_attempt_at AS "nextAttemptAt" FROM settled`;
