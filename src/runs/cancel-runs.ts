import type { EntityManager } from 'typeorm';
import { rows } from '../database/transaction.js';
import type { RunQueue } from '../queue/run-queue.js';

export type CancelReason = 'user' | 'replaced' | 'job_deleted';

/** Cancels those of these runs that have not started, and asks the running ones to stop; locked in the order of their ids.
 *  Answers how many are running: their signal is for the caller to notify. */
export async function cancelRuns(
  tx: EntityManager,
  queue: RunQueue,
  ids: string[],
  reason: CancelReason,
): Promise<number> {
  if (ids.length === 0) return 0;
  const unfinished = await rows<{ id: string; state: string; ticket: string | null }>(
    tx,
    `SELECT id, state, ticket FROM runs WHERE id = ANY($1) AND state IN ('pending', 'running', 'retrying')
     ORDER BY id FOR UPDATE`,
    [ids],
  );
  const running = unfinished.filter(({ state }) => state === 'running');
  const waiting = unfinished.filter(({ state }) => state !== 'running');
  await tx.query(
    `UPDATE runs SET state = 'cancelled', reason = $2, finished_at = statement_timestamp(), next_attempt_at = NULL,
       ticket = NULL, held = false WHERE id = ANY($1)`,
    [waiting.map(({ id }) => id), reason],
  );
  await queue.remove(
    tx,
    waiting.flatMap(({ ticket }) => ticket ?? []),
  );
  await tx.query(
    `UPDATE runs SET cancel_requested_at = statement_timestamp(), cancel_reason = $2
     WHERE id = ANY($1) AND cancel_requested_at IS NULL`,
    [running.map(({ id }) => id), reason],
  );
  return running.length;
}
