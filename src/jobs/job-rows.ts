import type { EntityManager } from 'typeorm';
import { rows } from '../database/transaction.js';
import type { Decision } from './decide.js';
import { Job } from './job.entity.js';

/** Locks up to `limit` due jobs, the longest due first, passing over those that another replica holds. `now` is the database's. */
export async function lockDueJobs(tx: EntityManager, limit: number): Promise<{ jobs: Job[]; now: Date }> {
  // The time of the statement, not of the clock: that one would read the whole index.
  const jobs = await tx
    .createQueryBuilder(Job, 'job')
    .where('NOT job.paused AND job.nextRunAt <= statement_timestamp()')
    .orderBy('job.nextRunAt')
    .limit(limit)
    .setLock('pessimistic_write')
    .setOnLocked('skip_locked')
    .getMany();
  return { jobs, now: jobs.length > 0 ? await databaseNow(tx) : new Date(0) };
}

/** The instant by which a transaction decides; taken after its locks, so that it is never before what was due. */
export async function databaseNow(tx: EntityManager): Promise<Date> {
  const [row] = await rows<{ now: Date }>(tx, `SELECT date_trunc('milliseconds', statement_timestamp()) AS now`);
  return row!.now;
}

/** Which of these jobs have a scheduled or manual run under way. Their rows being locked, none can begin meanwhile. */
export async function busyJobs(tx: EntityManager, ids: string[]): Promise<Set<string>> {
  const found = await rows<{ jobId: string }>(
    tx,
    `SELECT DISTINCT job_id AS "jobId" FROM runs
     WHERE job_id = ANY($1) AND state IN ('pending', 'running', 'retrying') AND kind IN ('schedule', 'manual')`,
    [ids],
  );
  return new Set(found.map(({ jobId }) => jobId));
}

export async function advanceJobs(tx: EntityManager, decisions: Decision[]): Promise<void> {
  await tx.query(
    `UPDATE jobs SET next_occurrence_at = next.occurrence, next_run_at = next.run
     FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[]) AS next (id, occurrence, run) WHERE jobs.id = next.id`,
    [
      decisions.map(({ job }) => job.id),
      decisions.map(({ next }) => next.nextOccurrenceAt),
      decisions.map(({ next }) => next.nextRunAt),
    ],
  );
}
