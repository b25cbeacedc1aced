import { TZ_VERSION } from '../../core/triggers/zone-data.js';
import { isSchedulerPaused } from '../../runs/lifecycle/scheduler-paused.js';
import type { SchedulerDatabase } from '../../database/scheduler-database.js';

/** SQL: when a row of `jobs` is due next, and 'infinity' while it is paused or has no occurrence left. The index
 *  jobs_next has exactly this expression. It finds due jobs and sorts lists. */
export const nextRun = (job: string): string =>
  `COALESCE(CASE WHEN NOT ${job}.paused THEN ${job}.next_run_at END, 'infinity')`;

/** Longer than a poll and a slow transaction take. */
const OVERDUE_SECONDS = 15;

/** SQL: whether a row of `jobs` should have been dispatched already. */
export const isOverdue = `${nextRun('jobs')} < statement_timestamp() - interval '${OVERDUE_SECONDS} s'
  AND NOT (SELECT ${isSchedulerPaused('scheduler')} FROM scheduler)`;

interface DuePoll {
  /** The database's time, in milliseconds with fractions. */
  now: number;
  /** Whether a job is due. */
  due: boolean;
  /** Whether the whole scheduler is paused. */
  paused: boolean;
  /** When the first pause of a job or of the scheduler ends by itself, as `now`. Null: none does. */
  pauseEndsAt: number | null;
  /** Whether a live scheduler has other time zone data than this process, and whether one has newer data. */
  otherZoneData: boolean;
  newerZoneData: boolean;
}

/** One statement without a transaction, since every scheduler polls it each second. */
export async function pollDue(database: SchedulerDatabase): Promise<DuePoll> {
  const others = `FROM "${database.schema}".replicas WHERE 'scheduler' = ANY (roles)`;
  const [row] = await database.statement<DuePoll & { now: string; pauseEndsAt: string | null }>(
    `SELECT 1000 * extract(epoch FROM statement_timestamp()) AS now,
       EXISTS (SELECT FROM "${database.schema}".jobs WHERE ${nextRun('jobs')} <= statement_timestamp()) AS due,
       ${isSchedulerPaused('scheduler')} AS paused,
       1000 * extract(epoch FROM least(paused_until, (SELECT min(paused_until) FROM "${database.schema}".jobs)))
         AS "pauseEndsAt",
       EXISTS (SELECT ${others} AND tz_version IS DISTINCT FROM $1) AS "otherZoneData",
       EXISTS (SELECT ${others} AND tz_version > $1) AS "newerZoneData"
     FROM "${database.schema}".scheduler`,
    [TZ_VERSION],
  );
  const { pauseEndsAt } = row!;
  return { ...row!, now: Number(row!.now), pauseEndsAt: pauseEndsAt === null ? null : Number(pauseEndsAt) };
}

/** Whether a job should have been dispatched already. One statement without a transaction. */
export async function hasOverdue(database: SchedulerDatabase): Promise<boolean> {
  const schema = `"${database.schema}".`;
  const [row] = await database.statement<{ overdue: boolean }>(
    `SELECT EXISTS (SELECT FROM ${schema}jobs WHERE ${nextRun('jobs')} < statement_timestamp() - interval '${OVERDUE_SECONDS} s')
       AND NOT paused AS overdue FROM ${schema}scheduler`,
  );
  return row!.overdue;
}
