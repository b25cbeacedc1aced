import type { EntityManager } from 'typeorm';
import { rows } from '../../database/transaction.js';
import { dequeue } from './run-queue.js';
import { type EndedRun, isUnfinished } from './run.entity.js';

export type CancelReason = 'user' | 'replaced' | 'job_deleted';

/**
 * Cancels runs that have not started, and asks running ones to stop: it stores the request, the replica that executes
 * the run polls it and aborts the signal. The statement that settles the attempt then ends the run as `cancelled`,
 * unless it succeeded.
 *
 * Returns the runs that it ended, and how many are still running. For these the caller must notify `cancel`. A run that
 * has ended already is left as it is.
 */
export async function cancelRuns(
  tx: EntityManager,
  ids: string[],
  reason: CancelReason,
): Promise<{ ended: EndedRun[]; running: number }> {
  if (ids.length === 0) return { ended: [], running: 0 };
  const { running, waiting } = await lockUnfinished(tx, 'id = ANY($1) AND finished_at IS NULL', ids);
  const ended = await cancelWaiting(tx, waiting, reason);
  // The first request decides the reason. A later one changes nothing.
  await tx.query(
    `UPDATE runs SET cancel_requested_at = statement_timestamp(), cancel_reason = $2
     WHERE id = ANY($1) AND cancel_requested_at IS NULL`,
    [running, reason],
  );
  return { ended, running: running.length };
}

/** Cancels the runs of deleted jobs that have not started, and returns them. Running attempts continue, but are the
 *  last ones of their runs: `cancel_reason` without `cancel_requested_at` aborts no signal and prevents another
 *  attempt. */
export async function cancelRunsOfJobs(tx: EntityManager, jobIds: string[]): Promise<EndedRun[]> {
  const { running, waiting } = await lockUnfinished(tx, `job_id = ANY($1) AND ${isUnfinished}`, jobIds);
  const ended = await cancelWaiting(tx, waiting, 'job_deleted');
  await tx.query(`UPDATE runs SET cancel_reason = 'job_deleted' WHERE id = ANY($1) AND cancel_requested_at IS NULL`, [
    running,
  ]);
  return ended;
}

/**
 * Deletes the queue entries, then locks the runs in the order of their ids, so that two cancels do not deadlock.
 *
 * Entries go first because a claim also locks an entry before its run. If only the runs were locked, a claim would take
 * the entry and then wait here. An entry that is being claimed at this moment is skipped. Then either the claim commits
 * first and the run is `running` when it is locked here, or this transaction commits first and the claim finds a run
 * that may not start.
 */
async function lockUnfinished(tx: EntityManager, condition: string, ids: string[]) {
  const unfinishedRuns = `SELECT id, state FROM runs WHERE ${condition} ORDER BY id`;
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
  // An attempt that ended between the first dequeue and the lock may have queued its run again.
  await dequeue(tx, waiting);
  return ended;
}
