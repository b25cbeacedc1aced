import type { EntityManager } from 'typeorm';
import { inSlices } from '../../core/slices.js';
import { rows } from '../../database/transaction.js';
import { Job } from '../definition/job.entity.js';
import { auditedJob } from '../definition/job-fields.js';

/** Versions per INSERT. */
const BATCH = 500;

/**
 * The table `job_versions` has each definition that a job has had, with the time in which it was valid. It is written in the transaction
 * of the change, under the lock of the job, and dispatching does not touch it.
 *
 * A version asks for the nominal instants after `valid_from` up to and including `valid_to`: an edit first disposes of everything up to
 * its own instant under the old definition, and a new trigger begins strictly after it.
 */

/** Records the definitions that jobs have from `now` on, and ends those that they had before. `by`: who wrote them; null: nobody. */
export async function recordVersions(tx: EntityManager, by: string | null, now: Date, jobs: Job[]): Promise<void> {
  const step = inSlices();
  for (let from = 0; from < jobs.length; from += BATCH) {
    const batch = jobs.slice(from, from + BATCH);
    const edited = batch.filter(({ version }) => version > 1).map(({ id }) => id);
    if (edited.length > 0) await tx.query(endCurrent, [edited, now, false]);
    const records = [];
    for (const job of batch) {
      records.push(recordOf(job, now));
      await step();
    }
    await tx.query(insert, [JSON.stringify(records), by, false]);
  }
}

/** Ends the last versions of jobs that are deleted at `now`. */
export const endVersions = (tx: EntityManager, jobIds: string[], now: Date): Promise<unknown> =>
  tx.query(endCurrent, [jobIds, now, true]);

const recordOf = (job: Job, validFrom: Date) => ({
  job_id: job.id,
  job: job.name,
  version: job.version,
  valid_from: validFrom,
  tz_version: job.tzVersion,
  definition: auditedJob(job),
});

const endCurrent = 'UPDATE job_versions SET valid_to = $2, deleted = $3 WHERE job_id = ANY($1) AND valid_to IS NULL';
const insert = `
  INSERT INTO job_versions (job_id, job, version, valid_from, definition, tz_version, by, earlier_unknown)
  SELECT job_id, job, version, valid_from, definition, tz_version, $2, $3
  FROM jsonb_to_recordset($1::jsonb) AS record (job_id uuid, job text, version integer, valid_from timestamptz,
    definition jsonb, tz_version text)`;

/** Begins a new row, with the same definition, for each of these jobs whose next occurrence was computed with other time zone data than
 *  its current row. The new row asks for the instants from that occurrence on. */
export const recordZoneData = (tx: EntityManager, jobIds: string[]): Promise<unknown> =>
  tx.query(splitAtZoneData, [jobIds]);

const splitAtZoneData = `
  WITH ended AS (
    UPDATE job_versions AS old SET valid_to = date_trunc('milliseconds', statement_timestamp()) FROM jobs
    WHERE old.job_id = jobs.id AND old.valid_to IS NULL AND old.version = jobs.version AND jobs.id = ANY($1)
      AND jobs.tz_version IS NOT NULL AND old.tz_version IS DISTINCT FROM jobs.tz_version
    RETURNING old.job_id, old.job, old.version, old.valid_to, old.definition, jobs.tz_version, jobs.next_occurrence_at)
  INSERT INTO job_versions (job_id, job, version, valid_from, first_at, definition, tz_version)
  SELECT job_id, job, version, valid_to, next_occurrence_at, definition, tz_version FROM ended`;

/**
 * Records up to `limit` jobs whose current definition is not recorded, because a replica of an earlier release has written it. Their rows
 * count from the last change of the job on. Also ends the rows of jobs that such a replica has deleted, and those of jobs for which a
 * dispatch has found other time zone data by itself. Returns how many jobs it has recorded.
 */
export async function keepUnrecorded(tx: EntityManager, limit: number): Promise<number> {
  const jobs = await tx
    .createQueryBuilder(Job, 'job')
    .where(
      `NOT EXISTS (SELECT FROM job_versions AS kept
      WHERE kept.job_id = job.id AND kept.valid_to IS NULL AND kept.version = job.version)`,
    )
    .orderBy('job.id')
    .limit(limit)
    .setLock('pessimistic_write')
    .setOnLocked('skip_locked')
    .getMany();
  for (const job of jobs) await tx.query(endCurrent, [[job.id], job.updatedAt, false]);
  const records = jobs.map((job) => recordOf(job, job.updatedAt));
  if (records.length > 0) await tx.query(insert, [JSON.stringify(records), null, true]);
  await tx.query(endDeleted);
  const outdated = await rows<{ id: string }>(tx, findOutdated, [limit]);
  if (outdated.length > 0)
    await recordZoneData(
      tx,
      outdated.map(({ id }) => id),
    );
  return jobs.length;
}

const endDeleted = `
  UPDATE job_versions AS old SET valid_to = date_trunc('milliseconds', statement_timestamp()), deleted = true
  WHERE old.valid_to IS NULL AND NOT EXISTS (SELECT FROM jobs WHERE jobs.id = old.job_id)`;
const findOutdated = `
  SELECT jobs.id FROM jobs JOIN job_versions AS old ON old.job_id = jobs.id AND old.valid_to IS NULL
  WHERE jobs.tz_version IS NOT NULL AND old.version = jobs.version AND old.tz_version IS DISTINCT FROM jobs.tz_version
  ORDER BY jobs.id LIMIT $1 FOR UPDATE OF jobs SKIP LOCKED`;

/** Deletes up to `limit` versions that ended more than `olderThanDays` days ago. Never a current one. Returns how many it has deleted. */
export async function pruneVersions(tx: EntityManager, olderThanDays: number, limit: number): Promise<number> {
  return (await rows(tx, prune, [olderThanDays, limit])).length;
}

const prune = `
  DELETE FROM job_versions WHERE id = ANY (ARRAY(
    SELECT id FROM job_versions WHERE valid_to < statement_timestamp() - make_interval(days => $1)
    ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED))
  RETURNING id`;
