import type { EntityManager } from 'typeorm';
import { v7 } from 'uuid';
import { rows } from '../../database/transaction.js';
import type { RunQueue } from './run-queue.js';
import type { EndedRun } from './ended-run.js';

const BATCH = 1_000;
/** A run that was active in so many lost processes is likely to be what kills them. */
const LARGEST_INTERRUPTIONS = 3;

export interface ReclaimedRun extends EndedRun {
  id: string;
  task: string;
  state: 'pending' | 'failed' | 'cancelled';
  /** Of the process that was lost. */
  replicaNumber: number;
  /** Whether it had begun, as far as anybody knows. */
  interrupted: boolean;
}

/** Takes over running runs whose replica is gone: `pending` with a fresh ticket, or `failed` where the job says so. Those of
 *  replica `own` that it does not execute were never started, since the answer to their claim got lost: they go back. */
export async function reclaimOrphans(
  tx: EntityManager,
  queue: RunQueue,
  own: { number: number; active: string[] },
): Promise<ReclaimedRun[]> {
  const orphans = await rows<{ id: string; oldTicket: string | null }>(
    tx,
    `SELECT id, ticket AS "oldTicket" FROM runs
     WHERE state = 'running' AND (replica_number NOT IN (SELECT number FROM replicas) OR (replica_number = $1
       AND id <> ALL ($2::uuid[]) AND started_at < statement_timestamp() - interval '10 s'))
     ORDER BY id LIMIT ${BATCH} FOR UPDATE SKIP LOCKED`,
    [own.number, own.active],
  );
  if (orphans.length === 0) return [];
  const reclaimed = await rows<ReclaimedRun & { ticket: string | null; priority: number }>(tx, reclaim, [
    orphans.map(({ id }) => id),
    orphans.map(() => v7()),
    own.number,
  ]);
  await queue.remove(
    tx,
    orphans.flatMap(({ oldTicket }) => oldTicket ?? []),
  );
  await queue.deliver(
    tx,
    reclaimed.flatMap(({ id, ticket, task, priority }) => (ticket ? [{ id: ticket, runId: id, task, priority }] : [])),
  );
  return reclaimed;
}

/** Gives a ticket to each run that is due and has none, whatever became of the one it had. Answers how many. */
export async function replaceLostTickets(tx: EntityManager, queue: RunQueue): Promise<number> {
  const lost = await rows<{ id: string; ticket: string; task: string; priority: number }>(
    tx,
    `UPDATE runs SET ticket = gen_random_uuid() WHERE id IN (
       SELECT id FROM runs
       WHERE state IN ('pending', 'retrying') AND NOT held AND queued_at < statement_timestamp() - interval '5 s'
         AND COALESCE(next_attempt_at, queued_at) <= statement_timestamp()
         AND NOT EXISTS (SELECT FROM ${queue.table} q WHERE q.name = 'runs' AND q.id = runs.ticket)
       ORDER BY id LIMIT ${BATCH} FOR UPDATE SKIP LOCKED)
     RETURNING id, ticket, task, priority`,
  );
  await queue.deliver(
    tx,
    lost.map(({ id, ticket, task, priority }) => ({ id: ticket, runId: id, task, priority })),
  );
  return lost.length;
}

const reclaim = `
  WITH reclaimed AS (
    UPDATE runs SET interruptions = interruptions + verdict.interrupted::int, error = verdict.error,
      state = CASE WHEN cancel_reason IS NOT NULL THEN 'cancelled' WHEN verdict.final THEN 'failed' ELSE 'pending' END,
      reason = CASE WHEN cancel_reason IS NOT NULL THEN cancel_reason WHEN verdict.poison THEN 'poison'
        ELSE 'worker_lost' END,
      finished_at = CASE WHEN verdict.final THEN clock_timestamp() END,
      ticket = CASE WHEN verdict.final THEN NULL ELSE fresh.ticket END
    FROM unnest($1::uuid[], $2::uuid[]) AS fresh (run, ticket), LATERAL (
      SELECT interrupted, poison,
        poison OR (interrupted AND old.on_interruption = 'fail') OR old.cancel_reason IS NOT NULL AS final,
        jsonb_build_object('name', 'Error',
        'code', CASE WHEN poison THEN 'POISON' ELSE 'WORKER_LOST' END,
        'message', 'The process that ran attempt ' || old.attempt || ' (' || old.replica || ') was lost'
          || CASE WHEN poison THEN '; it is the third one, so the run is not started again' ELSE '' END) AS error
      FROM (SELECT *, replica_number <> $3 AS interrupted,
        replica_number <> $3 AND interruptions + 1 >= ${LARGEST_INTERRUPTIONS} AS poison
        FROM runs r WHERE r.id = fresh.run) old
    ) AS verdict
    WHERE runs.id = fresh.run
    RETURNING runs.*, verdict.error AS lost_error, verdict.interrupted
  ), attempts AS (
    INSERT INTO run_attempts (run_id, number, replica, started_at, finished_at, state, error)
    SELECT id, attempt, replica, started_at, clock_timestamp(), 'failed', lost_error FROM reclaimed
  )
  SELECT id, job, task, kind, state, reason, ticket, priority, replica_number AS "replicaNumber", interrupted
  FROM reclaimed`;
