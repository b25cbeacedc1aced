import type { SchedulerDatabase } from '../../database/scheduler-database.js';

/** Of a row of jobs: when to look at it next; 'infinity' while it is paused, and when nothing is left. In the words of the index
 *  jobs_next, which finds what is due and sorts lists. */
export const nextRun = (job: string): string =>
  `COALESCE(CASE WHEN NOT ${job}.paused THEN ${job}.next_run_at END, 'infinity')`;

/** Longer than a poll and a slow transaction. */
const OVERDUE_SECONDS = 15;

/** Of jobs: what should have been dispatched by now. */
export const isOverdue = `${nextRun('jobs')} < statement_timestamp() - interval '${OVERDUE_SECONDS} s'
  AND NOT (SELECT paused FROM scheduler)`;

/** The database's time, in milliseconds with fractions, and whether a job is due by it. A single statement, since it is polled
 *  each second. */
export async function pollDue(database: SchedulerDatabase): Promise<{ now: number; due: boolean }> {
  const [row] = await database.statement<{ now: number; due: boolean }>(
    `SELECT 1000 * extract(epoch FROM clock_timestamp())::float8 AS now, EXISTS (SELECT FROM "${database.schema}".jobs
       WHERE ${nextRun('jobs')} <= statement_timestamp()) AS due`,
  );
  return row!;
}
