import type { EntityManager } from 'typeorm';
import { nextRun } from './due.js';
import { selectColumns } from '../../database/select-columns.js';
import { rows } from '../../database/transaction.js';
import type { Decision } from './decide.js';
import { decidingFields, type DueJob, Job } from '../definition/job.entity.js';

export interface SchedulerState {
  paused: boolean;
  /** When the last pause of the scheduler ended; null before the first. */
  resumedAt: Date | null;
}

/** Read under a lock, so that a pause waits for those who dispatch and none dispatches after it. */
export async function schedulerState(tx: EntityManager): Promise<SchedulerState> {
  const [state] = await rows<SchedulerState>(tx, 'SELECT paused, resumed_at AS "resumedAt" FROM scheduler FOR SHARE');
  return state!;
}

/** Those of these names that there are, unlocked. */
export async function findJobs(tx: EntityManager, names: string[]): Promise<Map<string, Job>> {
  const jobs = await tx.createQueryBuilder(Job, 'job').where('job.name = ANY(:names)', { names }).getMany();
  return new Map(jobs.map((job) => [job.name, job]));
}

/** Locks up to `limit` due jobs, the longest due first, passing over those that another replica holds. `now` is the database's. */
export async function lockDueJobs(tx: EntityManager, limit: number): Promise<{ jobs: DueJob[]; now: Date }> {
  // The time of the statement, not of the clock: that one would read the whole index.
  const jobs = await selectColumns(tx.createQueryBuilder(Job, 'job'), decidingFields)
    .addSelect('floor(1000 * extract(epoch FROM statement_timestamp()))::float8', 'now')
    .where(`${nextRun('job')} <= statement_timestamp()`)
    .orderBy(nextRun('job'))
    .limit(limit)
    .setLock('pessimistic_write')
    .setOnLocked('skip_locked')
    .getRawMany<DueJob & { now: number }>();
  return { jobs, now: new Date(jobs[0]?.now ?? 0) };
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
