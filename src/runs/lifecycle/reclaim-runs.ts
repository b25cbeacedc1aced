import type { EntityManager } from 'typeorm';
import { rows } from '../../database/transaction.js';
import { enqueue } from './run-queue.js';
import { type EndedRun, isWaiting } from './run.entity.js';

const BATCH = 1_000;
/** A run that was active in so many lost processes is likely to be what kills them. */
const MAX_INTERRUPTIONS = 3;

export interface ReclaimedRun extends EndedRun {
  id: string;
  task: string;
  state: 'pending' | 'failed' | 'cancelled';
  /** The process that was lost. */
  replicaNumber: number;
  /** Whether the attempt had started, as far as anybody knows. */
  interrupted: boolean;
}

/** Takes over running runs whose replica is gone: they go back to the queue, or fail where the job says so. Two kinds were never
 *  started, and always go back: runs that were claimed ahead, and runs of replica `own` that it does not execute, because the answer
 *  to its claim was lost. */
export async function reclaimOrphans(
  tx: EntityManager,
  own: { number: number; active: string[] },
): Promise<ReclaimedRun[]> {
  const orphans = await rows<{ id: string }>(
    tx,
    `SELECT id FROM runs
     WHERE state = 'running' AND (replica_number NOT IN (SELECT number FROM replicas) OR (replica_number = $1
       AND id <> ALL ($2::uuid[]) AND started_at < statement_timestamp() - interval '10 s'))
     ORDER BY id LIMIT ${BATCH} FOR UPDATE SKIP LOCKED`,
    [own.number, own.active],
  );
  if (orphans.length === 0) return [];
  return rows<ReclaimedRun>(tx, reclaim, [orphans.map(({ id }) => id), own.number]);
}

// A run that was never started keeps its place in the queue.
const readyAt = 'CASE WHEN ahead THEN queued_at ELSE statement_timestamp() END';
const reclaim = `
  WITH reclaimed AS (
    UPDATE runs SET interruptions = interruptions + verdict.interrupted::int, error = verdict.error,
      state = CASE WHEN cancel_reason IS NOT NULL THEN 'cancelled' WHEN verdict.final THEN 'failed' ELSE 'pending' END,
      reason = CASE WHEN cancel_reason IS NOT NULL THEN cancel_reason WHEN verdict.poison THEN 'poison'
        WHEN verdict.ahead THEN NULL ELSE 'worker_lost' END,
      finished_at = CASE WHEN verdict.final THEN clock_timestamp() END, claimed_ahead = false,
      started_at = CASE WHEN NOT verdict.ahead THEN started_at END
    FROM unnest($1::uuid[]) AS orphan (run), LATERAL (
      SELECT interrupted, poison, old.claimed_ahead AS ahead,
        poison OR (interrupted AND old.on_interruption = 'fail') OR old.cancel_reason IS NOT NULL AS final,
        CASE WHEN NOT old.claimed_ahead THEN jsonb_build_object('name', 'Error',
          'code', CASE WHEN poison THEN 'POISON' ELSE 'WORKER_LOST' END,
          'message', 'The process that ran attempt ' || old.attempt || ' (' || old.replica || ') was lost'
            || CASE WHEN poison THEN '; it is the third one, so the run is not started again' ELSE '' END) END AS error
      FROM (SELECT *, may_have_started AS interrupted,
        may_have_started AND interruptions + 1 >= ${MAX_INTERRUPTIONS} AS poison
        FROM (SELECT *, replica_number <> $2 AND NOT claimed_ahead AS may_have_started FROM runs) r
        WHERE r.id = orphan.run) old
    ) AS verdict
    WHERE runs.id = orphan.run
    RETURNING runs.*, verdict.error AS lost_error, verdict.interrupted, verdict.ahead
  ), queued AS (${enqueue('reclaimed WHERE finished_at IS NULL', readyAt)}
  ), attempts AS (
    INSERT INTO run_attempts (run_id, number, replica, started_at, finished_at, state, error)
    SELECT id, attempt, replica, started_at, clock_timestamp(), 'failed', lost_error FROM reclaimed WHERE NOT ahead
  )
  SELECT id, job, task, kind, state, reason, replica_number AS "replicaNumber", interrupted FROM reclaimed`;

/** Makes the queue agree with the runs, whatever happened to it: adds the entries that are missing, and deletes those whose run may not
 *  start. Returns how many it added. */
export async function repairQueue(tx: EntityManager): Promise<number> {
  await tx.query(`
    DELETE FROM run_queue WHERE run_id IN (
      SELECT run_id FROM run_queue
      WHERE ready_at < statement_timestamp() - interval '1 minute'
        AND NOT EXISTS (SELECT FROM runs WHERE id = run_id AND ${isWaiting} AND NOT held)
      LIMIT ${BATCH} FOR UPDATE SKIP LOCKED)`);
  const added = await rows(
    tx,
    `WITH missing AS (
       SELECT id, task, priority, on_interruption FROM runs
       WHERE ${isWaiting} AND NOT held AND queued_at < statement_timestamp() - interval '5 s'
         AND COALESCE(next_attempt_at, queued_at) <= statement_timestamp()
         AND NOT EXISTS (SELECT FROM run_queue WHERE run_id = runs.id)
       ORDER BY id LIMIT ${BATCH} FOR UPDATE SKIP LOCKED)
     ${enqueue('missing', 'statement_timestamp()')}
     RETURNING run_id`,
  );
  return added.length;
}

/** Fails the runs that were queued over an hour ago and that no live worker can start, because none has their task. Returns them. While no
 *  worker lives at all, nothing fails. */
export async function failUnknownTasks(tx: EntityManager): Promise<EndedRun[]> {
  return rows<EndedRun>(
    tx,
    `WITH unknown AS (
       DELETE FROM run_queue WHERE run_id IN (
         SELECT run_id FROM run_queue JOIN runs ON runs.id = run_id
         WHERE run_queue.task NOT IN (SELECT name FROM tasks) AND ready_at <= statement_timestamp()
           AND queued_at < statement_timestamp() - interval '1 hour'
           AND EXISTS (SELECT FROM replicas WHERE 'worker' = ANY (roles))
         LIMIT ${BATCH} FOR UPDATE OF run_queue SKIP LOCKED)
       RETURNING run_id)
     UPDATE runs SET state = 'failed', reason = 'unknown_task', finished_at = statement_timestamp(), next_attempt_at = NULL,
       error = jsonb_build_object('name', 'Error', 'code', 'UNKNOWN_TASK', 'message',
         'No live worker has had the task "' || task || '" for an hour')
     FROM unknown WHERE id = run_id AND ${isWaiting}
     RETURNING job, kind, state, reason`,
  );
}
