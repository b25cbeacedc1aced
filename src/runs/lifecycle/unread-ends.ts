import type { EntityManager } from 'typeorm';
import { rows } from '../../database/transaction.js';
import type { RunKind, RunState } from './run.entity.js';

/** A run that starts this much after it was due, in milliseconds, may be the subject of an alert. */
export const LATE_MS = 10_000;

/** A transaction reads a thousand ends, and an error with its stack may have 100 kB. */
const MAX_ERROR = 2_000;

/** SQL: whether a row of `runs` has ended in a way that an alert may be about, and no evaluator has read that yet. It is the condition
 *  of the index runs_unread, so runs that succeed on time cost nothing. */
export const isUnread = `unread AND finished_at IS NOT NULL AND (late OR state IN ('failed', 'timed_out', 'skipped', 'missed'))`;

/** The end of a run, or a `skipped` or `missed` row. */
export interface UnreadEnd {
  id: string;
  jobId: string;
  job: string;
  kind: RunKind;
  state: RunState;
  reason: string | null;
  finishedAt: Date;
  latenessMs: number | null;
  /** The beginning of the message of its error. */
  error: string | null;
  /** Of a range of occurrences. Null count: more than 10,000. */
  missedTo: Date | null;
  missedCount: number | null;
}

/** Marks up to `limit` ends since `since` as read, and returns them in the order in which they ended. Each is returned by exactly one
 *  transaction that commits, because the mark and what the caller writes about it are committed together. */
export function takeUnreadEnds(tx: EntityManager, since: Date, limit: number): Promise<UnreadEnd[]> {
  return rows<UnreadEnd>(
    tx,
    `WITH found AS (
       SELECT id FROM runs WHERE ${isUnread} AND finished_at >= $1 ORDER BY finished_at LIMIT $2 FOR UPDATE SKIP LOCKED
     ), read AS (
       UPDATE runs SET unread = false FROM found WHERE runs.id = found.id
       RETURNING runs.id, job_id AS "jobId", job, kind, state, reason, finished_at AS "finishedAt", lateness_ms AS "latenessMs",
         left(error->>'message', ${MAX_ERROR}) AS error, missed_to AS "missedTo", missed_count AS "missedCount"
     ) SELECT * FROM read ORDER BY "finishedAt", id`,
    [since, limit],
  );
}
