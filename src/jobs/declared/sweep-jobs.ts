import type { EntityManager } from 'typeorm';
import type { Actor } from '../../auth/actor.js';
import { databaseNow } from '../../database/database-now.js';
import type { SchedulerDatabase } from '../../database/scheduler-database.js';
import { Job, type JobSource } from '../definition/job.entity.js';
import type { JobStore } from '../store/job-store.js';

/** Deletes the app's jobs of source `code` and `file` that no live replica declares, and returns their names. A source is swept
 *  only while a live replica declares jobs of it: replicas without the role `scheduler` declare nothing and do not count. */
export async function sweepJobs(
  tx: EntityManager,
  schema: string,
  store: JobStore,
  app: string,
  actorOf: (source: JobSource) => Actor,
): Promise<string[]> {
  const jobs = await tx
    .createQueryBuilder(Job, 'job')
    .where(undeclared(schema), { app })
    .orderBy('job.name')
    .setLock('pessimistic_write')
    .getMany();
  if (jobs.length > 0) await store.deleteJobs(tx, actorOf, jobs, await databaseNow(tx));
  return jobs.map(({ name }) => name);
}

/** Whether there is a job to sweep. One statement without a transaction, since mostly there is none. */
export async function hasUndeclared(database: SchedulerDatabase, schema: string, app: string): Promise<boolean> {
  const [row] = await database.statement<{ found: boolean }>(
    `SELECT EXISTS (SELECT FROM "${schema}".jobs job WHERE ${undeclared(schema, '$1')}) AS found`,
    [app],
  );
  return row!.found;
}

// The declared names are unnested into rows, so that PostgreSQL joins them: searching an array for each of thousands of jobs
// takes seconds.
const undeclared = (schema: string, app = ':app') => `
  job.owner = ${app}
  AND job.source IN (SELECT 'code' FROM "${schema}".replicas WHERE app = ${app} AND code_jobs IS NOT NULL
    UNION ALL SELECT 'file' FROM "${schema}".replicas WHERE app = ${app} AND file_jobs IS NOT NULL)
  AND NOT EXISTS (SELECT FROM (
      SELECT 'code' AS source, unnest(code_jobs) AS name FROM "${schema}".replicas WHERE app = ${app}
      UNION ALL SELECT 'file', unnest(file_jobs) FROM "${schema}".replicas WHERE app = ${app}) declared
    WHERE declared.source = job.source AND declared.name = job.name)`;
