import type { EntityManager } from 'typeorm';
import { rows } from '../../database/transaction.js';
import { enqueue, MAX_INTERRUPTIONS } from './run-queue.js';
import { type EndedRun, isWaiting } from './run.entity.js';

const BATCH = 1_000;

export interface ReclaimedRun extends EndedRun {
  id: string;
  task: string;
  state: 'pending' | 'failed' | 'cancelled';
  /** The number of the lost replica. */
  replicaNumber: number;
  /** True if the attempt may have started. Then it counts as an interruption. */
  interrupted: boolean;
}

/** A running run of this process that it does not execute. */
export interface UnstartedRun {
  id: string;
  attempt: number;
  /** True if this process had executed the attempt, and the database has lost its end. The run then counts as interrupted. */
  endLost: boolean;
}

/** Finds `running` runs of this replica that are not in `known`. They must be 10 s old, because most of the younger ones
 *  are just being accepted. */
export async function findUnknown(
  tx: EntityManager,
  replica: number,
  known: string[],
): Promise<Omit<UnstartedRun, 'endLost'>[]> {
  return rows(
    tx,
    `SELECT id, attempt FROM runs
     WHERE state = 'running' AND replica_number = $1 AND id <> ALL ($2::uuid[])
       AND started_at < statement_timestamp() - interval '10 s'
     ORDER BY id LIMIT ${BATCH}`,
    [replica, known],
  );
}

/**
 * Takes over `running` runs that no process executes: their replica has no row any more. They go back to the queue, or
 * end as `failed` if `onInterruption` is `fail`. Returns them.
 *
 * A run with `onInterruption: fail` goes back only if it is in `unstarted` without `endLost`: its claim committed, the response was lost,
 * and the caller knows that this process has not started it and never will (see Recovery). Nothing else can tell whether
 * the task of a claimed run has started. Neither can this process, once its row is gone: its own runs are then orphans
 * like those of any other replica. A process without a row takes over nothing, since it may be executing these runs.
 *
 * Runs that were claimed ahead go back without an interruption. They have not started, or only just. They are never
 * `onInterruption: fail`.
 *
 * SKIP LOCKED divides the runs between replicas that reconcile at the same time, and leaves out a run whose attempt is
 * being settled at this moment.
 */
export async function reclaimOrphans(
  tx: EntityManager,
  own: { number: number; unstarted: UnstartedRun[] },
): Promise<ReclaimedRun[]> {
  const ids = own.unstarted.map(({ id }) => id);
  const attempts = own.unstarted.map(({ attempt }) => attempt);
  const orphans = await rows<{ id: string; unstarted: boolean }>(
    tx,
    `SELECT id, replica_number = $1 AS unstarted FROM runs
     WHERE state = 'running' AND EXISTS (SELECT FROM replicas WHERE number = $1)
       AND (replica_number NOT IN (SELECT number FROM replicas) OR (replica_number = $1
         AND (id, attempt) IN (SELECT * FROM unnest($2::uuid[], $3::int[]))))
     ORDER BY id LIMIT ${BATCH} FOR UPDATE SKIP LOCKED`,
    [own.number, ids, attempts],
  );
  if (orphans.length === 0) return [];
  const endLost = new Set(own.unstarted.filter((run) => run.endLost).map(({ id }) => id));
  return rows<ReclaimedRun>(tx, reclaim, [
    orphans.map(({ id }) => id),
    orphans.map(({ id, unstarted }) => unstarted && !endLost.has(id)),
  ]);
}

// `verdict` reads the row as it was before the update. A process that was only silent and comes back cannot settle the
// run any more: it is `pending` or has ended, and the next claim raises the attempt number.
//
// A run that was claimed ahead keeps its place in the queue and its last error. Every run that comes back is claimed into
// a free slot next time, so that its start is recorded: if its task is what kills processes, that counts.
const readyAt = 'CASE WHEN ahead THEN queued_at ELSE statement_timestamp() END';
const reclaim = `
  WITH reclaimed AS (
    UPDATE runs SET interruptions = interruptions + verdict.interrupted::int,
      error = CASE WHEN verdict.ahead THEN runs.error ELSE verdict.error END,
      state = CASE WHEN cancel_reason IS NOT NULL THEN 'cancelled' WHEN verdict.final THEN 'failed' ELSE 'pending' END,
      reason = CASE WHEN cancel_reason IS NOT NULL THEN cancel_reason WHEN verdict.poison THEN 'poison'
        WHEN verdict.ahead THEN NULL ELSE 'worker_lost' END,
      finished_at = CASE WHEN verdict.final THEN clock_timestamp() END, claimed_ahead = false,
      started_at = CASE WHEN NOT verdict.ahead THEN started_at END
    FROM unnest($1::uuid[], $2::boolean[]) AS orphan (run, unstarted), LATERAL (
      SELECT interrupted, poison, ahead,
        poison OR (interrupted AND old.on_interruption = 'fail') OR old.cancel_reason IS NOT NULL AS final,
        CASE WHEN NOT ahead THEN jsonb_build_object('name', 'Error',
          'code', CASE WHEN poison THEN 'POISON' ELSE 'WORKER_LOST' END,
          'message', CASE WHEN old.replica_number IN (SELECT number FROM replicas)
            THEN 'The database has lost the end of attempt ' || old.attempt || ' (' || old.replica || ')'
            ELSE 'The process that ran attempt ' || old.attempt || ' (' || old.replica || ') was lost' END
            || CASE WHEN poison THEN '; it is the third one, so the run is not started again' ELSE '' END) END AS error
      FROM (SELECT *, may_have_started AS interrupted,
        may_have_started AND interruptions + 1 >= ${MAX_INTERRUPTIONS} AS poison
        FROM (SELECT *, claimed_ahead AND on_interruption <> 'fail' AS ahead,
          NOT orphan.unstarted AND NOT (claimed_ahead AND on_interruption <> 'fail') AS may_have_started
          FROM runs WHERE runs.id = orphan.run) r) old
    ) AS verdict
    WHERE runs.id = orphan.run
    RETURNING runs.*, verdict.error AS lost_error, verdict.interrupted, verdict.ahead
  ), queued AS (${enqueue('reclaimed WHERE finished_at IS NULL', readyAt, 'true')}
  ), attempts AS (
    INSERT INTO run_attempts (run_id, number, replica, started_at, finished_at, state, error)
    SELECT id, attempt, replica, started_at, clock_timestamp(), 'failed', lost_error FROM reclaimed WHERE NOT ahead
  )
  SELECT id, job, task, kind, state, reason, replica_number AS "replicaNumber", interrupted FROM reclaimed`;

/**
 * Makes the queue agree with the runs: adds missing entries, and deletes entries whose run may not start. Returns how
 * many it added. The service writes runs and entries in one transaction, so an entry is missing only if something else
 * has changed the tables.
 *
 * The delays (1 minute, 5 s) leave alone what other transactions are changing at this moment.
 */
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
       SELECT id, task, priority, on_interruption, interruptions FROM runs
       WHERE ${isWaiting} AND NOT held AND queued_at < statement_timestamp() - interval '5 s'
         AND COALESCE(next_attempt_at, queued_at) <= statement_timestamp()
         AND NOT EXISTS (SELECT FROM run_queue WHERE run_id = runs.id)
       ORDER BY id LIMIT ${BATCH} FOR UPDATE SKIP LOCKED)
     ${enqueue('missing', 'statement_timestamp()')}
     RETURNING run_id`,
  );
  return added.length;
}

/** Fails the runs that have waited for an hour and whose task no live worker has, except runs of the tasks in `spared`.
 *  Returns them. The hour counts from when a run was queued, or from when it could start again after an attempt. While
 *  there is no live worker at all, no run fails: the next worker may have the task. */
export async function failUnknownTasks(tx: EntityManager, spared: string[]): Promise<EndedRun[]> {
  return rows<EndedRun>(
    tx,
    `WITH unknown AS (
       DELETE FROM run_queue WHERE run_id IN (
         SELECT run_id FROM run_queue JOIN runs ON runs.id = run_id
         WHERE run_queue.task NOT IN (SELECT name FROM tasks) AND run_queue.task <> ALL ($1)
           AND CASE WHEN attempt = 0 THEN queued_at ELSE ready_at END < statement_timestamp() - interval '1 hour'
           AND ready_at <= statement_timestamp() AND EXISTS (SELECT FROM replicas WHERE 'worker' = ANY (roles))
         LIMIT ${BATCH} FOR UPDATE OF run_queue SKIP LOCKED)
       RETURNING run_id)
     UPDATE runs SET state = 'failed', reason = 'unknown_task', finished_at = statement_timestamp(), next_attempt_at = NULL,
       error = jsonb_build_object('name', 'Error', 'code', 'UNKNOWN_TASK', 'message',
         'No live worker has had the task "' || task || '" for an hour')
     FROM unknown WHERE id = run_id AND ${isWaiting}
     RETURNING job, kind, state, reason`,
    [spared],
  );
}
