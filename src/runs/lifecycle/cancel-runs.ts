import type { EntityManager } from 'typeorm';
import { rows } from '../../database/transaction.js';
import { dequeue } from './run-queue.js';
import { type EndedRun, isUnfinished } from './run.entity.js';

export type CancelReason = 'user' | 'replaced' | 'job_deleted';

/** Cancels those of these runs that have not started, and asks the running ones to stop. Locks them in the order of their ids. Returns
 *  the runs that it ended, and how many are running: the caller notifies `cancel` for these. */
export async function cancelRuns(
  tx: EntityManager,
  ids: string[],
  reason: CancelReason,
): Promise<{ ended: EndedRun[]; running: number }> {
  if (ids.length === 0) return { ended: [], running: 0 };
  const { running, waiting } = await lockUnfinished(tx, 'id = ANY($1)', ids);
  const ended = await cancelWaiting(tx, waiting, reason);
  await tx.query(
    `UPDATE runs SET cancel_requested_at = statement_timestamp(), cancel_reason = $2
     WHERE id = ANY($1) AND cancel_requested_at IS NULL`,
    [running, reason],
  );
  return { ended, running: running.length };
}

/** Cancels the runs of deleted jobs that have not started, and returns them. Running attempts may end: a reason without a request makes
 *  the attempt the last one of its run. */
export async function cancelRunsOfJobs(tx: EntityManager, jobIds: string[]): Promise<EndedRun[]> {
  const { running, waiting } = await lockUnfinished(tx, 'job_id = ANY($1)', jobIds);
  const ended = await cancelWaiting(tx, waiting, 'job_deleted');
  await tx.query(`UPDATE runs SET cancel_reason = 'job_deleted' WHERE id = ANY($1) AND cancel_requested_at IS NULL`, [
    running,
  ]);
  return ended;
}

/** Deletes the queue entries first, so that no worker claims these runs and then waits for their locks. An entry that is being claimed
 *  at this moment stays; its run turns out to be running, or is cancelled first and the claim finds nothing to start. */
async function lockUnfinished(tx: EntityManager, condition: string, ids: string[]) {
  const unfinishedRuns = `SELECT id, state FROM runs WHERE ${condition} AND ${isUnfinished} ORDER BY id`;
  await dequeue(tx, (await rows<Unfinished>(tx, unfinishedRuns, [ids])).map(idOf));
  const unfinished = await rows<Unfinished>(tx, `${unfinishedRuns} FOR UPDATE`, [ids]);
  return {
    running: unfinished.filter(({ state }) => state === 'running').map(idOf),
    waiting: unfinished.filter(({ state }) => state !== 'running').map(idOf),
  };
}

interface Unfinished {
  id: string;
  state: string;
}

const idOf = ({ id }: Unfinished) => id;

async function cancelWaiting(tx: EntityManager, waiting: string[], reason: CancelReason): Promise<EndedRun[]> {
  const ended = await rows<EndedRun>(
    tx,
    `UPDATE runs SET state = 'cancelled', reason = $2, finished_at = statement_timestamp(), next_attempt_at = NULL,
       held = false WHERE id = ANY($1)
     RETURNING job, kind, state, reason`,
    [waiting, reason],
  );
  // An attempt that ended just before may have queued its run again.
  await dequeue(tx, waiting);
  return ended;
}
