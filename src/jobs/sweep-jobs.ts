import type { EntityManager } from 'typeorm';
import type { Actor } from '../auth/actor.js';
import { audit } from '../auth/audit.js';
import { rows } from '../database/transaction.js';
import type { RunQueue } from '../queue/run-queue.js';
import { cancelRuns } from '../runs/cancel-runs.js';
import { auditedJob } from './audited-job.js';
import { Job, type JobSource } from './job.entity.js';

/** Deletes the app's jobs of code and file that no live scheduler declares, where one is there that has that source at all;
 *  answers their names. Replicas of other roles declare nothing and do not count. What has not started of the jobs is
 *  cancelled; running attempts end as they will. */
export async function sweepJobs(
  tx: EntityManager,
  queue: RunQueue,
  app: string,
  actorOf: (source: JobSource) => Actor,
): Promise<string[]> {
  const jobs = await tx
    .createQueryBuilder(Job, 'job')
    .where(undeclared, { app })
    .orderBy('job.name')
    .setLock('pessimistic_write')
    .getMany();
  if (jobs.length === 0) return [];
  const ids = jobs.map(({ id }) => id);
  await tx.delete(Job, ids);
  for (const job of jobs) {
    const entry = { target: job.name, job: job.name, before: auditedJob(job), after: null };
    await audit(tx, actorOf(job.source), { action: 'job.delete', ...entry });
  }
  const waiting = await rows<{ id: string }>(
    tx,
    `SELECT id FROM runs WHERE job_id = ANY($1) AND state IN ('pending', 'retrying')`,
    [ids],
  );
  await cancelRuns(
    tx,
    queue,
    waiting.map(({ id }) => id),
    'job_deleted',
  );
  return jobs.map(({ name }) => name);
}

const undeclared = `
  job.owner = :app
  AND EXISTS (SELECT FROM replicas WHERE app = :app
    AND CASE job.source WHEN 'code' THEN code_jobs WHEN 'file' THEN file_jobs END IS NOT NULL)
  AND NOT EXISTS (SELECT FROM replicas WHERE app = :app
    AND job.name = ANY(CASE job.source WHEN 'code' THEN code_jobs WHEN 'file' THEN file_jobs END))`;

export async function liveApps(tx: EntityManager): Promise<Set<string>> {
  const apps = await rows<{ app: string }>(tx, 'SELECT DISTINCT app FROM replicas');
  return new Set(apps.map(({ app }) => app));
}
