import type { EntityManager } from 'typeorm';
import { rows } from '../../database/transaction.js';
import type { Job } from '../definition/job.entity.js';

/** What a pause was given, besides that it is one. */
export interface PauseTerms {
  /** Why, for people. Null: nobody said. */
  reason: string | null;
  /** When it ends by itself. Null: when somebody resumes. */
  until: Date | null;
}

export const NO_TERMS: PauseTerms = { reason: null, until: null };

/**
 * The table `job_pauses` has each pause of a job, and of the whole scheduler, where `job_id` is null. The pause that goes on now is also
 * in the columns of the job or the scheduler, which is what dispatching reads. Both are written in the same transaction.
 */

/** Pauses a job that the transaction has locked, and for which it has dispatched what was due at `now`. `by` is the name of the actor. */
export async function pauseJob(tx: EntityManager, by: string, now: Date, job: Job, terms: PauseTerms): Promise<void> {
  await tx.query(
    `UPDATE jobs SET paused = true, declared_paused = source = 'api' OR declared_paused, paused_at = $2, paused_until = $3,
       pause_reason = $4, updated_at = statement_timestamp() WHERE id = $1`,
    [job.id, now, terms.until, terms.reason],
  );
  await recordPauses(tx, by, now, [job], terms);
}

/** Changes the terms of the pause of a job that the transaction has locked. */
export async function changePause(tx: EntityManager, job: Job, { until, reason }: PauseTerms): Promise<void> {
  await tx.query(
    'UPDATE jobs SET paused_until = $2, pause_reason = $3, updated_at = statement_timestamp() WHERE id = $1',
    [job.id, until, reason],
  );
  await tx.query('UPDATE job_pauses SET until = $2, reason = $3 WHERE job_id = $1 AND ended_at IS NULL', [
    job.id,
    until,
    reason,
  ]);
}

/** Ends the pauses of jobs that the transaction has locked, and for which it has dispatched what was due at `now`. `by` is the name of
 *  the actor; null: each pause ended by itself, at its `until`. A job in code or in a jobs file keeps the `paused` of its declaration. */
export async function resumeJobs(tx: EntityManager, by: string | null, now: Date, jobIds: string[]): Promise<void> {
  await tx.query(
    `UPDATE jobs SET paused = false, declared_paused = source <> 'api' AND declared_paused, paused_at = NULL,
       paused_until = NULL, pause_reason = NULL, updated_at = statement_timestamp() WHERE id = ANY($1)`,
    [jobIds],
  );
  await endPauses(tx, by, now, jobIds);
}

/** Records that these jobs are paused from `now` on. */
export const recordPauses = (
  tx: EntityManager,
  by: string,
  now: Date,
  jobs: Pick<Job, 'id' | 'name'>[],
  { until, reason }: PauseTerms,
): Promise<unknown> =>
  tx.query(
    `INSERT INTO job_pauses (job_id, job, paused_at, until, reason, by)
     SELECT id, name, $3, $4, $5, $6 FROM unnest($1::uuid[], $2::text[]) AS paused (id, name)`,
    [jobs.map(({ id }) => id), jobs.map(({ name }) => name), now, until, reason, by],
  );

/** Records that the pauses of these jobs have ended: at `now`, or at their `until` if that was earlier. */
export const endPauses = (tx: EntityManager, by: string | null, now: Date, jobIds: string[]): Promise<unknown> =>
  tx.query(
    `UPDATE job_pauses SET ended_at = least(until, $2), ended_by = CASE WHEN until <= $2 THEN NULL ELSE $3 END
     WHERE job_id = ANY($1) AND ended_at IS NULL`,
    [jobIds, now, by],
  );

/** Ends a pause of the scheduler whose `until` has come, and returns that instant. Null: there is none. */
export async function endSchedulerPause(tx: EntityManager): Promise<Date | null> {
  const [ended] = await rows<{ until: Date }>(tx, endDuePause);
  return ended?.until ?? null;
}

// What was due at the end of the pause, or after it, runs: `resumed_at` is the last instant that belongs to the pause.
const endDuePause = `
  WITH due AS (SELECT paused_until FROM scheduler WHERE paused AND paused_until <= statement_timestamp() FOR UPDATE),
  ended AS (
    UPDATE scheduler SET paused = false, resumed_at = due.paused_until - interval '1 millisecond', paused_at = NULL,
      paused_until = NULL, pause_reason = NULL FROM due RETURNING due.paused_until),
  recorded AS (
    UPDATE job_pauses SET ended_at = ended.paused_until FROM ended WHERE job_id IS NULL AND ended_at IS NULL)
  SELECT paused_until AS until FROM ended`;

/** Records a pause of the whole scheduler from `now` on, or the new terms of the one that goes on. */
export async function recordSchedulerPause(
  tx: EntityManager,
  by: string,
  now: Date | null,
  { until, reason }: PauseTerms,
): Promise<void> {
  if (now)
    await tx.query('INSERT INTO job_pauses (paused_at, until, reason, by) VALUES ($1, $2, $3, $4)', [
      now,
      until,
      reason,
      by,
    ]);
  else
    await tx.query('UPDATE job_pauses SET until = $1, reason = $2 WHERE job_id IS NULL AND ended_at IS NULL', [
      until,
      reason,
    ]);
}

/** Records that somebody has ended the pause of the whole scheduler. */
export const recordSchedulerResume = (tx: EntityManager, by: string, now: Date): Promise<unknown> =>
  tx.query('UPDATE job_pauses SET ended_at = $1, ended_by = $2 WHERE job_id IS NULL AND ended_at IS NULL', [now, by]);

/** Deletes up to `limit` pauses that ended more than `olderThanDays` days ago. Returns how many it has deleted. */
export async function prunePauses(tx: EntityManager, olderThanDays: number, limit: number): Promise<number> {
  return (await rows(tx, prune, [olderThanDays, limit])).length;
}

const prune = `
  DELETE FROM job_pauses WHERE id = ANY (ARRAY(
    SELECT id FROM job_pauses WHERE ended_at < statement_timestamp() - make_interval(days => $1)
    ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED))
  RETURNING id`;
