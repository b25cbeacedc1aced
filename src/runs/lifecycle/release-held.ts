import type { EntityManager } from 'typeorm';
import { rows } from '../../database/transaction.js';
import { notify } from '../../replicas/notify.js';
import { enqueue } from './run-queue.js';
import { isUnfinished } from './run.entity.js';

/** Lets the oldest held run of each lane of these jobs start where no other run of the lane is unfinished; null: of all jobs. Call it in
 *  a statement after the one that ended a run: only that one sees runs that were held meanwhile. Returns how many it released. */
export async function releaseHeld(tx: EntityManager, jobIds: string[] | null): Promise<number> {
  const released = await rows(tx, release, [jobIds]);
  if (released.length > 0) await notify(tx, 'runs');
  return released.length;
}

// A job has two lanes: catch-up runs go one after the other, independent of the schedule.
const release = `
  WITH released AS (
    UPDATE runs SET held = false
    WHERE held AND state = 'pending' AND id IN (
      SELECT DISTINCT ON (job_id, kind = 'catch_up') id FROM runs next
      WHERE held AND state = 'pending' AND ($1::uuid[] IS NULL OR job_id = ANY($1)) AND NOT EXISTS (
        SELECT FROM runs other
        WHERE other.job_id = next.job_id AND ${isUnfinished} AND NOT other.held
          AND CASE WHEN next.kind = 'catch_up' THEN other.kind = 'catch_up' ELSE other.kind IN ('schedule', 'manual') END)
      ORDER BY job_id, kind = 'catch_up', scheduled_at, id)
    RETURNING id, task, priority, on_interruption
  ), queued AS (${enqueue('released', 'statement_timestamp()')})
  SELECT id FROM released`;
