import type { EntityManager, SelectQueryBuilder } from 'typeorm';
import { FIXED_ZONES, TZ_VERSION } from '../../core/triggers/zone-data.js';
import { nextRun } from './due.js';
import { selectColumns } from '../../database/select-columns.js';
import { rows } from '../../database/transaction.js';
import { isSchedulerPaused } from '../../runs/lifecycle/scheduler-paused.js';
import type { Decision } from './decide.js';
import { decidingFields, type DueJob, Job } from '../definition/job.entity.js';

export interface SchedulerState {
  paused: boolean;
  /** The last instant of the last pause of the scheduler. Null before the first one. */
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
    `SELECT ${isSchedulerPaused('scheduler')} AS paused,
       CASE WHEN paused_until <= statement_timestamp() THEN paused_until - interval '1 millisecond'
         ELSE resumed_at END AS "resumedAt"
     FROM pg_advisory_xact_lock_shared(${switchLock}) AS turn, scheduler FOR SHARE OF scheduler`,
  );
  return state!;
}

/** The jobs with these names, by name and without a lock. Names without a job are missing. */
export async function findJobs(tx: EntityManager, names: string[]): Promise<Map<string, Job>> {
  const jobs = await tx.createQueryBuilder(Job, 'job').where('job.name = ANY(:names)', { names }).getMany();
  return new Map(jobs.map((job) => [job.name, job]));
}

/**
 * Locks up to `limit` jobs that are due, the longest due first: now, or at `until`, an instant in the past. `now` is the database's clock.
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
    .where(
      until ? `${nextRun('job')} <= :until` : `${nextRun('job')} <= statement_timestamp() AND ${mayCompute('job')}`,
      {
        until,
        tzVersion: TZ_VERSION,
      },
    )
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

/** Locks up to `limit` jobs whose pause is over by its own `until`. Jobs that others have locked are left out. `now` is the database's
 *  clock. */
export async function lockEndedPauses(tx: EntityManager, limit: number): Promise<{ jobs: DueJob[]; now: Date }> {
  const jobs = await selectColumns(tx.createQueryBuilder(Job, 'job'), decidingFields)
    .addSelect('floor(1000 * extract(epoch FROM statement_timestamp()))::float8', 'now')
    .where('job.pausedUntil <= statement_timestamp()')
    .orderBy('job.pausedUntil')
    .limit(limit)
    .setLock('pessimistic_write')
    .setOnLocked('skip_locked')
    .getRawMany<DueJob & { now: number }>();
  return { jobs, now: new Date(jobs[0]?.now ?? 0) };
}

/** SQL: whether this process, with the time zone data `:tzVersion`, may compute the next occurrence of a job. It leaves those that
 *  were computed with newer data to the schedulers that have them, as long as one of these lives. */
const mayCompute = (job: string) => `(${job}.tz_version IS NULL OR ${job}.tz_version <= :tzVersion OR NOT EXISTS (
  SELECT FROM replicas WHERE tz_version > :tzVersion AND 'scheduler' = ANY (roles)))`;

/**
 * Locks up to `limit` jobs, in the order of their ids and after the id `after`, whose next occurrence other time zone data than those of
 * this process may have computed. Jobs that others have locked are left out.
 */
export function lockOutdatedJobs(tx: EntityManager, after: string, limit: number): Promise<DueJob[]> {
  return outdated(selectColumns(tx.createQueryBuilder(Job, 'job'), decidingFields))
    .andWhere('job.id > :after', { after })
    .orderBy('job.id')
    .limit(limit)
    .setLock('pessimistic_write')
    .setOnLocked('skip_locked')
    .getRawMany<DueJob>();
}

export const hasOutdatedJobs = (tx: EntityManager): Promise<boolean> =>
  outdated(tx.createQueryBuilder(Job, 'job')).getExists();

const outdated = (jobs: SelectQueryBuilder<Job>) =>
  jobs.where(
    `job.trigger->>'type' = 'cron' AND job.tz_version IS DISTINCT FROM :tzVersion
       AND lower(job.trigger->>'timeZone') !~ :fixedZones AND ${mayCompute('job')}`,
    { tzVersion: TZ_VERSION, fixedZones: FIXED_ZONES },
  );

/** Moves the jobs, which the transaction has locked, to their next occurrences. It commits together with the runs, so
 *  an occurrence is neither lost nor dispatched twice. */
export async function advanceJobs(
  tx: EntityManager,
  decisions: Omit<Decision, 'drafts' | 'replaces'>[],
): Promise<void> {
  await tx.query(
    `UPDATE jobs SET next_occurrence_at = next.occurrence, next_run_at = next.run, tz_version = next.tz_version,
       decided_until = next.decided_until, decided_offset_ms = next.decided_offset_ms
     FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::text[], $5::timestamptz[], $6::integer[])
       AS next (id, occurrence, run, tz_version, decided_until, decided_offset_ms) WHERE jobs.id = next.id`,
    [
      decisions.map(({ job }) => job.id),
      decisions.map(({ next }) => next.nextOccurrenceAt),
      decisions.map(({ next }) => next.nextRunAt),
      decisions.map(({ basis }) => basis.tzVersion),
      decisions.map(({ basis }) => basis.decidedUntil),
      decisions.map(({ basis }) => basis.decidedOffsetMs),
    ],
  );
}
