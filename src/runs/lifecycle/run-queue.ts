import type { EntityManager } from 'typeorm';
import type { SchedulerDatabase } from '../../database/scheduler-database.js';

/**
 * The table `run_queue` has one entry for each run that may start. `ready_at` is the earliest instant at which it may
 * start. `task` and `priority` are copied from the run. `exclusive` is true for a run that must never be started twice
 * (`onInterruption: fail`). Workers do not claim such a run before a slot is free. `suspect` is true for a run that two
 * lost processes were running. A worker runs only one suspect at a time, see MAX_INTERRUPTIONS.
 *
 * The row in `runs` is the truth, and the entry only points to it. The statement that makes a run startable also writes
 * its entry, and the statement that claims the run deletes the entry. An entry whose run may not start is harmless: the
 * claim deletes it and starts nothing. A startable run without an entry is found by the reconciler.
 *
 * Lock order: entries before runs. Code that already holds the lock of a run deletes its entry with SKIP LOCKED, so it
 * never waits for an entry.
 *
 * The table is small and separate from `runs` because it changes with every run: finding the next runs costs the same
 * however long the history is.
 */

/**
 * A run that was running in this many lost processes probably kills them, and is not started again.
 *
 * Runs that share a process with such a run are lost together with it. So the last start is on trial: a worker runs only
 * one suspect, a run that one more loss would end, at a time. A run that ends as `poison` is therefore the only one that
 * was running in all three processes.
 */
export const MAX_INTERRUPTIONS = 3;

/** SQL that adds an entry for each row of `source`, a WITH query with columns of `runs`. `readyAt` and `exclusive` are
 *  SQL expressions over these columns. A stale entry of the same run is replaced. The caller notifies `runs`. */
export const enqueue = (source: string, readyAt: string, exclusive = `on_interruption = 'fail'`): string => `
  INSERT INTO run_queue (run_id, task, priority, ready_at, exclusive, suspect)
  SELECT id, task, priority, ${readyAt}, ${exclusive}, interruptions >= ${MAX_INTERRUPTIONS - 1} FROM ${source}
  ON CONFLICT (run_id) DO UPDATE
    SET ready_at = excluded.ready_at, exclusive = excluded.exclusive, suspect = excluded.suspect`;

/** Deletes the entries of these runs. Never waits: an entry that another transaction has locked is being claimed, and
 *  the claim deletes it, even if its run may not start any more. */
export async function dequeue(tx: EntityManager, runIds: string[]): Promise<void> {
  if (runIds.length === 0) return;
  await tx.query(
    `DELETE FROM run_queue WHERE run_id IN (
       SELECT run_id FROM run_queue WHERE run_id = ANY($1) FOR UPDATE SKIP LOCKED)`,
    [runIds],
  );
}

export interface QueueHead {
  /** The earliest `ready_at` of all entries, but not later than now: runs that are created after this may become ready
   *  before an entry that waits for its retry. Null if there are none. */
  oldest: Date | null;
  /** Whether an entry is ready now. */
  ready: boolean;
  /** Milliseconds until the next entry becomes ready that is not ready now. Null if there is none. */
  nextInMs: number | null;
}

/** Reads how soon a run of one of these tasks can start. One statement without a transaction, since it is polled. */
export async function pollQueue(database: SchedulerDatabase, tasks: string[]): Promise<QueueHead> {
  const [head] = await database.statement<Omit<QueueHead, 'nextInMs'> & { nextInMs: string | null }>(
    `SELECT min(least(ready_at, statement_timestamp())) AS oldest,
       coalesce(bool_or(ready_at <= statement_timestamp()), false) AS ready,
       ceil(1000 * extract(epoch FROM min(ready_at) FILTER (WHERE ready_at > statement_timestamp())
         - statement_timestamp())) AS "nextInMs"
     FROM "${database.schema}".run_queue WHERE task = ANY($1)`,
    [tasks],
  );
  return { ...head!, nextInMs: head!.nextInMs === null ? null : Number(head!.nextInMs) };
}

/** A job's priority is from -32,768 to 32,767. Runs of a backfill get this much less, so they are below all live runs. */
const BACKGROUND_DISTANCE = 65_536;
/** The lowest priority that a job can have. */
export const LOWEST_LIVE_PRIORITY = -32_768;

/** The priority of a background run, which starts only when no live run waits. Among background runs the order is that
 *  of their jobs' priorities. */
export const backgroundPriority = (priority: number): number =>
  isBackground(priority) ? priority : priority - BACKGROUND_DISTANCE;

/** Undoes `backgroundPriority`. */
export const livePriority = (priority: number): number =>
  isBackground(priority) ? priority + BACKGROUND_DISTANCE : priority;

export const isBackground = (priority: number): boolean => priority < LOWEST_LIVE_PRIORITY;
