import type { EntityManager } from 'typeorm';
import { v7 } from 'uuid';
import { rows } from '../database/transaction.js';
import type { RunQueue, Ticket } from '../queue/run-queue.js';
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

/** Ends attempts, fenced by their number: a run that has been started again since is left alone. Answers the ids of those ended. */
export async function settleRuns(tx: EntityManager, queue: RunQueue, outcomes: Outcome[]): Promise<string[]> {
  const next = new Map(outcomes.filter(({ delayMs }) => delayMs !== null).map(({ run }) => [run.id, v7()]));
  const settled = await rows<{ id: string; nextAttemptAt: Date | null; ticket: string | null; priority: number }>(
    tx,
    settle,
    [JSON.stringify(outcomes.map((outcome) => record(outcome, next.get(outcome.run.id) ?? null)))],
  );
  // Also the tickets of stale attempts: nobody else removes them.
  await queue.remove(
    tx,
    outcomes.map(({ run }) => run.ticket),
  );
  const tickets = settled.flatMap(({ id, ticket, priority, nextAttemptAt }): Ticket[] =>
    ticket ? [{ id: ticket, runId: id, priority, ...(nextAttemptAt && { startAfter: nextAttemptAt }) }] : [],
  );
  await queue.deliver(tx, tickets);
  return settled.map(({ id }) => id);
}

const record = ({ run, state, reason, output, error, isRetry, delayMs }: Outcome, ticket: string | null) => ({
  id: run.id,
  attempt: run.attempt,
  replica: run.replica,
  started: run.startedAt,
  state,
  reason,
  // Parsed again by the server, so that one text is not encoded twice.
  output,
  error,
  retries: isRetry ? 1 : 0,
  delay: delayMs,
  ticket,
});

// An attempt that did not succeed leaves a row; `retrying` is a state of the run, of its attempt it is a failure.
const settle = `
  WITH outcome AS (
    SELECT * FROM jsonb_to_recordset($1::jsonb) AS o (id uuid, attempt integer, replica text, started timestamptz,
      state text, reason text, output text, error jsonb, retries integer, delay double precision, ticket uuid)
  ), settled AS (
    UPDATE runs SET state = o.state, reason = o.reason, output = o.output::jsonb, error = o.error,
      finished_at = CASE WHEN o.delay IS NULL THEN clock_timestamp() END,
      retries_used = retries_used + o.retries, ticket = o.ticket,
      next_attempt_at = CASE WHEN o.state = 'retrying' THEN clock_timestamp() + o.delay * interval '1 ms' END
    FROM outcome o WHERE runs.id = o.id AND runs.attempt = o.attempt AND runs.state = 'running'
    RETURNING runs.id, runs.ticket, runs.priority, runs.next_attempt_at
  ), attempts AS (
    INSERT INTO run_attempts (run_id, number, replica, started_at, finished_at, state, error)
    SELECT o.id, o.attempt, o.replica, o.started, clock_timestamp(),
      CASE WHEN o.state IN ('retrying', 'pending') THEN CASE o.error->>'code' WHEN 'TIMED_OUT' THEN 'timed_out' ELSE 'failed' END
        ELSE o.state END, o.error
    FROM outcome o JOIN settled s ON s.id = o.id WHERE o.state <> 'succeeded'
  )
  SELECT id, ticket, priority, next_attempt_at AS "nextAttemptAt" FROM settled`;
