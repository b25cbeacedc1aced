import type { EntityManager } from 'typeorm';
import type { SchedulerDatabase } from '../../database/scheduler-database.js';

/**
 * The table `run_queue` has one entry for each run that may start: `ready_at` is the earliest instant, `task` and `priority` are
 * the run's own. `exclusive` is true for a run that must never be started twice, so that nobody claims it before a slot is free.
 *
 * The run's row is the truth and the entry a pointer to it. Whoever makes a run startable writes the entry in the same statement;
 * whoever claims the run deletes it. An entry without a startable run starts nothing, and the claim throws it away. A startable
 * run without an entry is found by the reconciler.
 *
 * Lock order: the entry before the run. Code that holds a run's lock already deletes the entry with SKIP LOCKED.
 */

/** The part of a statement on runs that adds an entry for each row of `source`, a WITH query with columns of runs. `readyAt` is an SQL
 *  expression over these. A stale entry of the same run is replaced. */
export const enqueue = (source: string, readyAt: string): string => `
  INSERT INTO run_queue (run_id, task, priority, ready_at, exclusive)
  SELECT id, task, priority, ${readyAt}, on_interruption = 'fail' FROM ${source}
  ON CONFLICT (run_id) DO UPDATE SET ready_at = excluded.ready_at`;

/** Deletes the entries of these runs. Never waits: an entry that another transaction has locked is being claimed, and is deleted
 *  by the claim, which finds that the run may not start. */
export async function dequeue(tx: EntityManager, runIds: string[]): Promise<void> {
  if (runIds.length === 0) return;
  await tx.query(
    `DELETE FROM run_queue WHERE run_id IN (
       SELECT run_id FROM run_queue WHERE run_id = ANY($1) FOR UPDATE SKIP LOCKED)`,
    [runIds],
  );
}

export interface QueueHead {
  /** The oldest `ready_at` of all entries, and not later than now, since runs that are created after this may start before an entry
   *  that waits for its retry. Null: there are none. */
  oldest: Date | null;
  /** Milliseconds until the first entry is ready, 0 when one is ready now; null: there are none. */
  readyInMs: number | null;
}

/** Reads how soon one of these tasks can start. A single statement outside a transaction, since it is polled. */
export async function pollQueue(database: SchedulerDatabase, tasks: string[]): Promise<QueueHead> {
  const [head] = await database.statement<QueueHead>(
    `SELECT min(least(ready_at, statement_timestamp())) AS oldest,
       greatest(0, ceil(1000 * extract(epoch FROM min(ready_at) - statement_timestamp())))::float8 AS "readyInMs"
     FROM "${database.schema}".run_queue WHERE task = ANY($1)`,
    [tasks],
  );
  return head!;
}

/** A job's own priority is from -32,768 to 32,767. The runs of a backfill are below all of these by this distance. */
const BACKGROUND_DISTANCE = 65_536;
/** The lowest priority that a job can have. */
export const LOWEST_LIVE_PRIORITY = -32_768;

/** The priority of a run that waits for all live runs; among background runs the order is that of the jobs' priorities. */
export const backgroundPriority = (priority: number): number =>
  isBackground(priority) ? priority : priority - BACKGROUND_DISTANCE;

/** Undoes `backgroundPriority`. */
export const livePriority = (priority: number): number =>
  isBackground(priority) ? priority + BACKGROUND_DISTANCE : priority;

export const isBackground = (priority: number): boolean => priority < LOWEST_LIVE_PRIORITY;
