import type { EntityManager } from 'typeorm';
import { rows } from '../../database/transaction.js';
import type { RunQueue } from './run-queue.js';
import type { EndedRun } from './ended-run.js';

export type CancelReason = 'user' | 'replaced' | 'job_deleted';

/** Cancels those of these runs that have not started, and asks the running ones to stop; locked in the order of their ids.
 *  Answers those that it ended, and how many are running: their signal is for the caller to notify. */
export async function cancelRuns(
  tx: EntityManager,
  queue: RunQueue,
  ids: string[],
  reason: CancelReason,
): Promise<{ ended: EndedRun[]; running: number }> {
  if (ids.length === 0) return { ended: [], running: 0 };
  const { running, waiting } = await lockUnfinished(tx, queue, 'id = ANY($1)', ids);
  const ended = await cancelWaiting(tx, queue, waiting, reason);
  await tx.query(
    `UPDATE runs SET cancel_requested_at = statement_timestamp(), cancel_reason = $2
     WHERE id = ANY($1) AND cancel_requested_at IS NULL`,
    [idsOf(running), reason],
  );
  return { ended, running: running.length };
}

/** Cancels what has not started of jobs that are deleted, and answers it. What runs may end; a reason without a request makes its attempt the last. */
export async function endRunsOfJobs(tx: EntityManager, queue: RunQueue, jobIds: string[]): Promise<EndedRun[]> {
  const { running, waiting } = await lockUnfinished(tx, queue, 'job_id = ANY($1)', jobIds);
  const ended = await cancelWaiting(tx, queue, waiting, 'job_deleted');
  await tx.query(`UPDATE runs SET cancel_reason = 'job_deleted' WHERE id = ANY($1) AND cancel_requested_at IS NULL`, [
    idsOf(running),
  ]);
  return ended;
}

interface Unfinished {
  id: string;
  state: string;
  ticket: string | null;
}

const isRunning = ({ state }: Unfinished) => state === 'running';

/** Takes the tickets first, as whoever claims does: the other way round the two would wait for each other. A run that turns out
 *  to have been started meanwhile does not miss its own. */
async function lockUnfinished(tx: EntityManager, queue: RunQueue, condition: string, ids: string[]) {
  const unfinishedRuns = `SELECT id, state, ticket FROM runs
    WHERE ${condition} AND state IN ('pending', 'running', 'retrying') ORDER BY id`;
  await queue.remove(tx, ticketsOf(await rows<Unfinished>(tx, unfinishedRuns, [ids])));
  const unfinished = await rows<Unfinished>(tx, `${unfinishedRuns} FOR UPDATE`, [ids]);
  return {
    running: unfinished.filter(isRunning),
    waiting: unfinished.filter((run) => !isRunning(run)),
  };
}

async function cancelWaiting(tx: EntityManager, queue: RunQueue, waiting: Unfinished[], reason: CancelReason) {
  const ended = await rows<EndedRun>(
    tx,
    `UPDATE runs SET state = 'cancelled', reason = $2, finished_at = statement_timestamp(), next_attempt_at = NULL,
       ticket = NULL, held = false WHERE id = ANY($1)
     RETURNING job, kind, state, reason`,
    [idsOf(waiting), reason],
  );
  await queue.remove(tx, ticketsOf(waiting));
  return ended;
}

const idsOf = (runs: Unfinished[]) => runs.map(({ id }) => id);
const ticketsOf = (runs: Unfinished[]) => runs.flatMap(({ ticket }) => ticket ?? []);
