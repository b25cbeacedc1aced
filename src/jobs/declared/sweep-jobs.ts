import type { EntityManager } from 'typeorm';
import type { Actor } from '../../auth/actor.js';
import { databaseNow } from '../../database/database-now.js';
import type { SchedulerDatabase } from '../../database/scheduler-database.js';
import { rows } from '../../database/transaction.js';
import type { JobEditor } from '../store/job-editor.js';
import { Job, type JobSource } from '../definition/job.entity.js';

/** Deletes the app's jobs of code and file that no live scheduler declares, where one is there that has that source at all;
 *  answers their names. Replicas of other roles declare nothing and do not count. */
export async function sweepJobs(
  tx: EntityManager,
  schema: string,
  editor: JobEditor,
  app: string,
  actorOf: (source: JobSource) => Actor,
): Promise<string[]> {
  const jobs = await tx
    .createQueryBuilder(Job, 'job')
    .where(undeclared(schema), { app })
    .orderBy('job.name')
    .setLock('pessimistic_write')
    .getMany();
  if (jobs.length > 0) await editor.remove(tx, actorOf, jobs, await databaseNow(tx));
  return jobs.map(({ name }) => name);
}

// The names as rows, so that they are joined: to look each job up in a list of thousands takes seconds.
const undeclared = (schema: string, app = ':app') => `
  job.owner = ${app}
  AND job.source IN (SELECT 'code' FROM "${schema}".replicas WHERE app = ${app} AND code_jobs IS NOT NULL
    UNION ALL SELECT 'file' FROM "${schema}".replicas WHERE app = ${app} AND file_jobs IS NOT NULL)
  AND NOT EXISTS (SELECT FROM (
      SELECT 'code' AS source, unnest(code_jobs) AS name FROM "${schema}".replicas WHERE app = ${app}
      UNION ALL SELECT 'file', unnest(file_jobs) FROM "${schema}".replicas WHERE app = ${app}) declared
    WHERE declared.source = job.source AND declared.name = job.name)`;

/** Whether there are such jobs: one statement by itself, since there mostly are none. */
export async function hasUndeclared(database: SchedulerDatabase, schema: string, app: string): Promise<boolean> {
  const [row] = await database.statement<{ found: boolean }>(
    `SELECT EXISTS (SELECT FROM "${schema}".jobs job WHERE ${undeclared(schema, '$1')}) AS found`,
    [app],
  );
  return row!.found;
}

export async function liveApps(tx: EntityManager): Promise<Set<string>> {
  const apps = await rows<{ app: string }>(tx, 'SELECT DISTINCT app FROM replicas');
  return new Set(apps.map(({ app }) => app));
}
