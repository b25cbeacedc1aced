import type { EntityManager } from 'typeorm';
import { nextRun } from './due.js';
import { selectColumns } from '../../database/select-columns.js';
import { rows } from '../../database/transaction.js';
import type { Decision } from './decide.js';
import { decidingFields, type DueJob, Job } from '../definition/job.entity.js';

export interface SchedulerState {
  paused: boolean;
  /** When the last pause of the scheduler ended. Null before the first one. */
  resumedAt: Date | null;
}

/** SQL: the key of the advisory lock of the switch. Dispatchers share it, and a change of the switch takes it alone. Unlike the lock of
 *  the row it is fair: nobody gets it while a change waits. The row alone can be shared for ever by dispatchers that overlap. */
export const switchLock = `hashtext('cronzimus switch ' || current_schema())`;

/** Reads the switch of the scheduler and locks its row until the transaction ends. Any number of dispatchers can hold
 *  the row FOR SHARE. A pause updates the row, so it waits for them, and after it no replica dispatches. An edit calls
 *  this after it has locked its job. That cannot deadlock, since a pause locks no job. */
export async function schedulerState(tx: EntityManager): Promise<SchedulerState> {
  const [state] = await rows<SchedulerState>(
    tx,
    `SELECT paused, resumed_at AS "resumedAt" FROM pg_advisory_xact_lock_shared(${switchLock}) AS turn, scheduler
     FOR SHARE OF scheduler`,
  );
  return state!;
}

/** The jobs with these names, by name and without a lock. Names without a job are missing. */
export async function findJobs(tx: EntityManager, names: string[]): Promise<Map<string, Job>> {
  const jobs = await tx.createQueryBuilder(Job, 'job').where('job.name = ANY(:names)', { names }).getMany();
  return new Map(jobs.map((job) => [job.name, job]));
}

/**
 * Locks up to `limit` jobs that are due, the longest due first: now, or at `until`. `now` is the database's clock.
 *
 * SKIP LOCKED passes over jobs that another replica is dispatching, so replicas share the due jobs and never wait for
 * each other. A job that another replica dispatched between the read and the lock is not returned either: after it has
 * locked a row that changed, PostgreSQL checks the condition again.
 */
export async function lockDueJobs(
  tx: EntityManager,
  limit: number,
  until?: Date,
): Promise<{ jobs: DueJob[]; now: Date }> {
  // statement_timestamp() is constant within the statement, so it can bound an index scan. clock_timestamp() would read
  // the whole index.
  const jobs = await selectColumns(tx.createQueryBuilder(Job, 'job'), decidingFields)
    .addSelect('floor(1000 * extract(epoch FROM statement_timestamp()))::float8', 'now')
    .where(`${nextRun('job')} <= least(statement_timestamp(), :until::timestamptz)`, { until: until ?? null })
    .orderBy(nextRun('job'))
    .limit(limit)
    .setLock('pessimistic_write')
    .setOnLocked('skip_locked')
    .getRawMany<DueJob & { now: number }>();
  return { jobs, now: new Date(jobs[0]?.now ?? 0) };
}

/** Whether any job was due at `until`, locked or not. */
export async function isAnyDue(tx: EntityManager, until: Date): Promise<boolean> {
  const due = `SELECT EXISTS (SELECT FROM jobs WHERE ${nextRun('jobs')} <= $1) AS due`;
  const [row] = await rows<{ due: boolean }>(tx, due, [until]);
  return row!.due;
}

/** Moves the jobs, which the transaction has locked, to their next occurrences. It commits together with the runs, so
 *  an occurrence is neither lost nor dispatched twice. */
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
