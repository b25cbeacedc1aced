import type { EntityManager } from 'typeorm';
import { rows } from '../../database/transaction.js';
import { isUnfinished } from '../../runs/lifecycle/run.entity.js';
import type { DueJob } from '../definition/job.entity.js';
import { NOTHING, type UnfinishedRuns } from './overlap.js';

/** What is not finished of a job, by lane. */
export interface Lanes {
  schedule: UnfinishedRuns;
  catchUp: UnfinishedRuns;
}

export const IDLE: Lanes = { schedule: NOTHING, catchUp: NOTHING };

/** What is under way of these jobs, whose rows the transaction has locked. Where the policy holds or replaces, the runs are locked
 *  too, so that none ends unseen between this look and the decision. */
export async function lanesOf(tx: EntityManager, jobs: DueJob[]): Promise<Map<string, Lanes>> {
  const careful = jobs.filter(({ overlap }) => overlap === 'queue' || overlap === 'replace');
  if (careful.length > 0)
    await tx.query(
      `SELECT id FROM runs WHERE job_id = ANY($1) AND ${isUnfinished} AND kind IN (${counted}) ORDER BY id FOR UPDATE`,
      [idsOf(careful)],
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

/** The runs that new ones of these jobs take the place of. */
export async function replaceableRuns(tx: EntityManager, jobIds: string[]): Promise<string[]> {
  if (jobIds.length === 0) return [];
  const found = await rows<{ id: string }>(
    tx,
    `SELECT id FROM runs WHERE job_id = ANY($1) AND ${isUnfinished} AND kind IN ('schedule', 'manual')`,
    [jobIds],
  );
  return idsOf(found);
}

const counted = `'schedule', 'manual', 'catch_up'`;

const idsOf = (items: { id: string }[]) => items.map(({ id }) => id);
