import type { EntityManager } from 'typeorm';
import { rows } from '../../database/transaction.js';
import type { RunQueue } from './run-queue.js';

/** Starts the oldest held run of each lane of these jobs in which nothing else is under way; null: of all jobs. To be called in
 *  a statement after the one that ended a run: only that sees what was held meanwhile. Answers how many it started. */
export async function releaseHeld(tx: EntityManager, queue: RunQueue, jobIds: string[] | null): Promise<number> {
  const released = await rows<{ id: string; ticket: string; task: string; priority: number }>(tx, release, [jobIds]);
  await queue.deliver(
    tx,
    released.map(({ id, ticket, task, priority }) => ({ id: ticket, runId: id, task, priority })),
  );
  if (released.length > 0) await queue.announce(tx);
  return released.length;
}

// Two lanes: catch-up runs go one after the other beside the schedule.
const release = `
  UPDATE runs SET held = false, ticket = gen_random_uuid()
  WHERE held AND state = 'pending' AND id IN (
    SELECT DISTINCT ON (job_id, kind = 'catch_up') id FROM runs next
    WHERE held AND state = 'pending' AND ($1::uuid[] IS NULL OR job_id = ANY($1)) AND NOT EXISTS (
      SELECT FROM runs other
      WHERE other.job_id = next.job_id AND other.state IN ('pending', 'running', 'retrying') AND NOT other.held
        AND CASE WHEN next.kind = 'catch_up' THEN other.kind = 'catch_up' ELSE other.kind IN ('schedule', 'manual') END)
    ORDER BY job_id, kind = 'catch_up', scheduled_at, id)
  RETURNING id, ticket, task, priority`;
