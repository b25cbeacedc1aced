import type { EntityManager } from 'typeorm';
import { rows } from '../../database/transaction.js';
import { notify } from '../../replicas/notify.js';
import { enqueue } from './run-queue.js';
import { inScheduleLane, isUnfinished } from './run.entity.js';

/**
 * Releases the oldest held run of each lane of these jobs, if no other run of the lane is unfinished, and gives it a
 * queue entry. `jobIds` null means all jobs. Returns how many it released, and notifies `runs`.
 *
 * Call it in a statement of its own, after the one that ended a run and in the same transaction. Under READ COMMITTED
 * each statement sees what was committed before it began. The statement that ends a run may have waited for a
 * dispatcher that locked this run and held a new one because of it. Only a later statement sees that held run.
 */
export async function releaseHeld(tx: EntityManager, jobIds: string[] | null): Promise<number> {
  const released = await rows(tx, release, [jobIds]);
  if (released.length > 0) await notify(tx, 'runs');
  return released.length;
}

// A job has two lanes that do not wait for each other: scheduled runs, manual runs and retries, and catch-up runs. The
// condition `held AND state = 'pending'` is repeated in the UPDATE, because PostgreSQL checks it again after waiting for
// a row that another transaction has changed. Two replicas therefore never release the same run twice.
const release = `
  WITH released AS (
    UPDATE runs SET held = false
    WHERE held AND state = 'pending' AND id IN (
      SELECT DISTINCT ON (job_id, kind = 'catch_up') id FROM runs next
      WHERE held AND state = 'pending' AND ($1::uuid[] IS NULL OR job_id = ANY($1)) AND NOT EXISTS (
        SELECT FROM runs other
        WHERE other.job_id = next.job_id AND ${isUnfinished} AND NOT other.held
          AND CASE WHEN next.kind = 'catch_up' THEN other.kind = 'catch_up' ELSE other.kind IN (${inScheduleLane}) END)
      ORDER BY job_id, kind = 'catch_up', scheduled_at, id)
    RETURNING id, task, priority, on_interruption, interruptions
  ), queued AS (${enqueue('released', 'statement_timestamp()')})
  SELECT id FROM released`;
