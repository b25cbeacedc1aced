import type { EntityManager } from 'typeorm';
import { rows } from '../../database/transaction.js';
import { inScheduleLane, isUnfinished } from '../../runs/lifecycle/run.entity.js';
import type { DueJob } from '../definition/job.entity.js';
import { NOTHING, type UnfinishedRuns } from './overlap.js';

/** The unfinished runs of a job. Its two lanes do not wait for each other: `schedule` has the scheduled and manual
 *  runs and the retries over the API, `catchUp` the catch-up runs. Runs of backfills are in neither. */
export interface Lanes {
  schedule: UnfinishedRuns;
  catchUp: UnfinishedRuns;
}

export const IDLE: Lanes = { schedule: NOTHING, catchUp: NOTHING };

/**
 * Counts the unfinished runs of these jobs, whose rows the transaction has locked. So no other transaction adds a run
 * to their lanes.
 *
 * But their runs may end at any time. With `queue` and `replace` that matters: a run would be held for one that has
 * just ended, and only the reconciler would release it, up to 10 s later. So these runs are locked first, in the order
 * of their ids. A settlement that comes later waits for this transaction, and then releases the held run. Locking and
 * counting are two statements, because only a later statement sees the runs that ended while this transaction waited
 * for their locks.
 *
 * For jobs with `allow` and `skip` nothing is locked. If a catch-up run of theirs ends just then, the next one waits for
 * the reconciler.
 */
export async function lanesOf(tx: EntityManager, jobs: DueJob[]): Promise<Map<string, Lanes>> {
  const holding = jobs.filter(({ overlap }) => overlap === 'queue' || overlap === 'replace');
  if (holding.length > 0)
    await tx.query(
      `SELECT id FROM runs WHERE job_id = ANY($1) AND ${isUnfinished} AND kind IN (${counted}) ORDER BY id FOR UPDATE`,
      [idsOf(holding)],
    );
  const counts = await rows<UnfinishedRuns & { jobId: string; catchUp: boolean }>(
    tx,
    `SELECT job_id AS "jobId", kind = 'catch_up' AS "catchUp", count(*) FILTER (WHERE state = 'running')::int AS running,
       count(*) FILTER (WHERE state <> 'running' AND NOT held)::int AS waiting, count(*) FILTER (WHERE held)::int AS held
     FROM runs WHERE job_id = ANY($1) AND ${isUnfinished} AND kind IN (${counted}) GROUP BY 1, 2`,
    [idsOf(jobs)],
  );
  const lanes = new Map<string, Lanes>();
  for (const { jobId, catchUp, ...unfinished } of counts)
    lanes.set(jobId, { ...(lanes.get(jobId) ?? IDLE), [catchUp ? 'catchUp' : 'schedule']: unfinished });
  return lanes;
}

/** The ids of the runs that are replaced by new runs of these jobs. */
export async function replaceableRuns(tx: EntityManager, jobIds: string[]): Promise<string[]> {
  if (jobIds.length === 0) return [];
  const found = await rows<{ id: string }>(
    tx,
    `SELECT id FROM runs WHERE job_id = ANY($1) AND ${isUnfinished} AND kind IN (${inScheduleLane})`,
    [jobIds],
  );
  return idsOf(found);
}

const counted = `${inScheduleLane}, 'catch_up'`;

const idsOf = (items: { id: string }[]) => items.map(({ id }) => id);
