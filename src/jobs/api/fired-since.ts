import type { EntityManager } from 'typeorm';
import { SCHEDULER } from '../../database/data-source.js';
import { rows } from '../../database/transaction.js';
import { firstIdAt } from '../../runs/lifecycle/run-ids.js';

/** The jobs that were dispatched since an instant, and when each was due at that instant: parallel arrays. */
export interface FiredJobs {
  ids: string[];
  dueAt: Date[];
}

/** With more new runs, nobody knows in time which jobs have fired. */
const MAX_RUNS = 10_000;

/** Now, or when the oldest dispatch began that is not committed yet, but at most 5 s ago. Of a dispatch that a later statement of this
 *  transaction does not see, the runs have been created since then. */
export async function beforeOpenDispatches(tx: EntityManager): Promise<Date> {
  const [row] = await rows<{ at: Date }>(
    tx,
    `SELECT date_trunc('milliseconds', least(statement_timestamp(), min(xact_start))) AS at FROM pg_stat_activity
     WHERE datname = current_database() AND application_name LIKE 'cronzimus ${SCHEDULER} %'
       AND xact_start > statement_timestamp() - interval '5 s'`,
  );
  return row!.at;
}

/** Null: over 10,000 runs were created since then. */
export async function firedSince(tx: EntityManager, since: Date): Promise<FiredJobs | null> {
  const [row] = await rows<{ runs: number; ids: string[]; dueAt: Date[] }>(
    tx,
    `WITH new AS (SELECT job_id, kind, due_at FROM runs WHERE id >= $1 ORDER BY id LIMIT ${MAX_RUNS + 1}),
     fired AS (SELECT job_id, min(due_at) AS due_at FROM new WHERE kind IN ('schedule', 'catch_up') GROUP BY job_id)
     SELECT (SELECT count(*)::int FROM new) AS runs, COALESCE(array_agg(job_id), '{}') AS ids,
       COALESCE(array_agg(due_at), '{}') AS "dueAt" FROM fired`,
    [firstIdAt(since)],
  );
  return row!.runs > MAX_RUNS ? null : row!;
}
