import type { EntityManager } from 'typeorm';
import { rows } from '../database/transaction.js';
import { inScheduleLane, isUnfinished } from '../runs/lifecycle/run.entity.js';
import { isSchedulerPaused } from '../runs/lifecycle/scheduler-paused.js';
import type { BlockingRun, LossFacts, PauseFacts, PresentFacts, RowFacts, VersionFacts } from './explain-facts.js';

type PresentRow = Omit<PresentFacts, 'job'> & Omit<NonNullable<PresentFacts['job']>, 'id'> & { id: string | null };

export async function readPresent(tx: EntityManager, name: string): Promise<PresentFacts> {
  const [found] = await rows<PresentRow>(tx, present, [name]);
  const { id, task, paused, pausedUntil, nextOccurrenceAt, nextRunAt, ...facts } = found!;
  return { ...facts, job: id === null ? null : { id, task, paused, pausedUntil, nextOccurrenceAt, nextRunAt } };
}

const present = `
  SELECT statement_timestamp() AS now, pruned_until AS "prunedUntil", ${isSchedulerPaused('scheduler')} AS "schedulerPaused",
    (SELECT count(*)::int FROM replicas WHERE 'scheduler' = ANY (roles)) AS schedulers,
    (SELECT count(*)::int FROM tasks WHERE tasks.name = jobs.task) AS workers,
    jobs.id, jobs.task, jobs.paused, jobs.paused_until AS "pausedUntil", next_occurrence_at AS "nextOccurrenceAt",
    next_run_at AS "nextRunAt"
  FROM scheduler CROSS JOIN history_bounds LEFT JOIN jobs ON jobs.name = $1`;

/** The definition that applied to an instant, or the last one before it; and the first one after it. */
export async function readVersions(tx: EntityManager, name: string, at: Date) {
  const found = await rows<VersionFacts & { isBefore: boolean }>(tx, versions, [name, at]);
  return {
    before: found.find(({ isBefore }) => isBefore) ?? null,
    after: found.find(({ isBefore }) => !isBefore) ?? null,
  };
}

const versionColumns = `job_id AS "jobId", version, valid_from AS "validFrom", valid_to AS "validTo", deleted,
  earlier_unknown AS "earlierUnknown", definition->'trigger' AS trigger, definition->'clockChange' AS "clockChange",
  tz_version AS "tzVersion", definition->>'task' AS task, definition->>'overlap' AS overlap, definition->'misfire' AS misfire, by`;
const versions = `
  (SELECT true AS "isBefore", ${versionColumns} FROM job_versions WHERE job = $1 AND valid_from < $2
   ORDER BY valid_from DESC, id DESC LIMIT 1)
  UNION ALL
  (SELECT false, ${versionColumns} FROM job_versions WHERE job = $1 AND valid_from >= $2 ORDER BY valid_from, id LIMIT 1)`;

/** The row of an occurrence, alone or in a range. Null: there is none. */
export async function readRow(tx: EntityManager, jobId: string, at: Date): Promise<RowFacts | null> {
  const [found] = await rows<RowFacts>(tx, row, [jobId, at]);
  return found && (found.missedTo ?? found.scheduledAt) >= at ? found : null;
}

const row = `
  SELECT id, kind, state, reason, scheduled_at AS "scheduledAt", due_at AS "dueAt", queued_at AS "queuedAt",
    started_at AS "startedAt", finished_at AS "finishedAt", next_attempt_at AS "nextAttemptAt", lateness_ms AS "latenessMs",
    attempt, held, task, missed_to AS "missedTo", missed_count AS "missedCount",
    COALESCE((SELECT json_agg(json_build_object('number', number, 'replica', replica, 'state', a.state,
        'code', a.error->>'code', 'finishedAt', finished_at) ORDER BY number)
      FROM (SELECT * FROM run_attempts WHERE run_id = runs.id ORDER BY number LIMIT 10) AS a), '[]') AS attempts
  FROM runs WHERE job_id = $1 AND kind IN ('schedule', 'catch_up') AND scheduled_at <= $2 ORDER BY scheduled_at DESC LIMIT 1`;

/** The pauses of a job and of the scheduler that an instant falls into: at most one of each. */
export const readPauses = (tx: EntityManager, jobId: string, at: Date): Promise<PauseFacts[]> =>
  rows<PauseFacts>(
    tx,
    `${pauses(true, 'job_id = $1')} UNION ALL ${pauses(false, 'job_id IS NULL AND $1::uuid IS NOT NULL')}`,
    [jobId, at],
  );

// By job_id too, so that the order is that of the index: for PostgreSQL, IS NULL does not make a column constant.
const pauses = (isOfJob: boolean, condition: string) => `
  (SELECT ${isOfJob} AS "isOfJob", * FROM (
    SELECT paused_at AS "pausedAt", ended_at AS "endedAt", until, reason, by, ended_by AS "endedBy" FROM job_pauses
    WHERE ${condition} AND paused_at <= $2 ORDER BY job_id, paused_at DESC LIMIT 1) AS pause
  WHERE "endedAt" IS NULL OR "endedAt" >= $2)`;

/** The run of a job that was unfinished when the row `runId` was written. Null: it is not there any more. */
export async function readBlockingRun(tx: EntityManager, name: string, jobId: string, runId: string, at: Date) {
  const [found] = await rows<BlockingRun>(tx, blocking, [name, jobId, runId, at]);
  return found ?? null;
}

// The newest runs first. A run that blocks for longer than a hundred later rows is still found, since it is unfinished or ended lately.
const blocking = `
  (SELECT id, kind, state, scheduled_at AS "scheduledAt", finished_at AS "finishedAt" FROM (
     SELECT * FROM runs WHERE job = $1 AND id < $3 ORDER BY id DESC LIMIT 100) AS run
   WHERE job_id = $2 AND kind IN (${inScheduleLane}) AND state NOT IN ('skipped', 'missed')
     AND (finished_at IS NULL OR finished_at >= $4) ORDER BY id DESC LIMIT 1)
  UNION ALL
  (SELECT id, kind, state, scheduled_at, finished_at FROM runs
   WHERE job_id = $2 AND ${isUnfinished} AND id < $3 AND kind IN (${inScheduleLane}) ORDER BY id DESC LIMIT 1)
  LIMIT 1`;

/** The losses of committed data that ended at an instant or later, the first 100. */
export const readLosses = (tx: EntityManager, at: Date): Promise<LossFacts[]> =>
  rows<LossFacts>(
    tx,
    'SELECT from_at AS "from", until_at AS until FROM data_losses WHERE until_at >= $1 ORDER BY until_at LIMIT 100',
    [at],
  );
