import type { EntityManager } from 'typeorm';
import { rows } from '../database/transaction.js';
import type { RunQueue } from '../queue/run-queue.js';
import { cancelRuns } from '../runs/cancel-runs.js';

/** Deletes the app's jobs of code and file that no live scheduler declares, where one is there that has that source at all;
 *  answers their names. Replicas of other roles declare nothing and do not count. What has not started of the jobs is
 *  cancelled; running attempts end as they will. */
export async function sweepJobs(tx: EntityManager, queue: RunQueue, app: string): Promise<string[]> {
  const deleted = await rows<{ id: string; name: string }>(
    tx,
    `WITH declared AS (
       SELECT 'code' AS source, code_jobs AS names FROM replicas WHERE app = $1 AND code_jobs IS NOT NULL
       UNION ALL SELECT 'file', file_jobs FROM replicas WHERE app = $1 AND file_jobs IS NOT NULL)
     DELETE FROM jobs WHERE owner = $1
       AND EXISTS (SELECT FROM declared WHERE declared.source = jobs.source)
       AND NOT EXISTS (SELECT FROM declared WHERE declared.source = jobs.source AND jobs.name = ANY(names))
     RETURNING id, name`,
    [app],
  );
  const waiting = await rows<{ id: string }>(
    tx,
    `SELECT id FROM runs WHERE job_id = ANY($1) AND state IN ('pending', 'retrying')`,
    [deleted.map(({ id }) => id)],
  );
  await cancelRuns(
    tx,
    queue,
    waiting.map(({ id }) => id),
    'job_deleted',
  );
  return deleted.map(({ name }) => name);
}

export async function liveApps(tx: EntityManager): Promise<Set<string>> {
  const apps = await rows<{ app: string }>(tx, 'SELECT DISTINCT app FROM replicas');
  return new Set(apps.map(({ app }) => app));
}
