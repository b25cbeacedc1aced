import type { EntityManager } from 'typeorm';
import { v7 } from 'uuid';
import { rows } from '../database/transaction.js';
import type { IncidentCondition } from '../jobs/definition/alert.schema.js';

/** What opens an incident, or belongs to the one that is open already. */
export interface Finding {
  jobId: string;
  job: string;
  condition: IncidentCondition;
  /** The first and the latest run that it is about, and how many there are. Null if it is about no run. */
  first: string | null;
  latest: string | null;
  runs: number;
  /** When the latest run ended, or the time of the finding. A run that succeeds after it closes the incident. */
  at: Date;
  /** The limit of the alert, in seconds, which a later run must keep to close the incident. */
  threshold: number | null;
  summary: string;
  channels: string[];
  /** True if a run that a closed incident was about must not open another one: the finding is read from the state of the run, and may
   *  be found again. False if it is read from the end of a run, which is read once. */
  fromState: boolean;
}

export interface OpenedIncident {
  id: string;
  job: string;
  condition: IncidentCondition;
}

/** Opens incidents, each with a message for each of its channels, and returns those that are new. A finding for a job and condition with
 *  an open incident is added to that. A new incident is muted as long as an earlier one of the same job and condition is. */
export async function openIncidents(tx: EntityManager, now: Date, findings: Finding[]): Promise<OpenedIncident[]> {
  if (findings.length === 0) return [];
  const records = merged(findings).map((finding) => ({ ...finding, id: v7({ msecs: now.getTime() }) }));
  return rows<OpenedIncident>(tx, open, [JSON.stringify(records), now]);
}

/** One finding for each job and condition. `added`: how many runs it adds to an incident that is open already. */
function merged(findings: Finding[]): (Finding & { added: number })[] {
  const byIncident = Map.groupBy(findings, ({ jobId, condition }) => `${jobId} ${condition}`);
  return [...byIncident.values()].map((same) => {
    const first = same[0]!;
    const latest = same.reduce((max, { latest: run }) => (run !== null && run > max ? run : max), '');
    return {
      ...same.at(-1)!,
      summary: first.summary,
      first: first.first,
      latest: latest === '' ? null : latest,
      runs: first.runs + same.length - 1,
      added: first.runs === 0 ? 0 : same.length,
    };
  });
}

// Nobody else opens incidents meanwhile, because the evaluator holds its lock.
const open = `
  WITH found AS (
    SELECT * FROM jsonb_to_recordset($1::jsonb) AS f (id uuid, "jobId" uuid, job text, condition text, first uuid, latest uuid,
      runs integer, added integer, at timestamptz, threshold double precision, summary text, channels text[], "fromState" boolean)
  ), known AS (
    UPDATE incidents SET latest_run = greatest(latest_run, latest), latest_at = greatest(latest_at, at),
      first_run = COALESCE(first_run, first),
      run_count = run_count + CASE WHEN latest_run IS DISTINCT FROM latest THEN added ELSE 0 END
    FROM found WHERE job_id = "jobId" AND incidents.condition = found.condition AND closed_at IS NULL
    RETURNING found.id
  ), opened AS (
    INSERT INTO incidents (id, job_id, job, condition, summary, threshold, channels, opened_at, muted_until, first_run,
      latest_run, latest_at, run_count)
    SELECT id, "jobId", job, condition, summary, threshold, channels, $2,
      (SELECT max(muted_until) FROM incidents earlier
       WHERE earlier.job_id = "jobId" AND earlier.condition = found.condition AND muted_until > $2),
      first, latest, at, runs
    FROM found WHERE id NOT IN (SELECT id FROM known) AND NOT ("fromState" AND EXISTS (
      SELECT FROM incidents closed WHERE closed.job_id = "jobId" AND closed.condition = found.condition
        AND closed.closed_at IS NOT NULL AND closed.latest_run >= found.latest))
    ORDER BY id
    RETURNING id, job, condition, channels
  ), messages AS (
    INSERT INTO incident_messages (incident_id, channel, event, created_at)
    SELECT id, unnest(channels), 'opened', $2 FROM opened
  )
  SELECT id, job, condition FROM opened`;

export type CloseReason = 'recovered' | 'job_deleted' | 'alert_removed';

export interface ClosableIncident extends OpenedIncident {
  jobId: string;
  channels: string[];
  reason: CloseReason;
}

/** Incidents with an id above `after` that are over, by what runs of their job have done since. `end` is the id to go on from; null:
 *  that was the last. */
export async function findClosable(
  tx: EntityManager,
  after: string,
  limit: number,
): Promise<{ closable: ClosableIncident[]; end: string | null }> {
  const found = await rows<ClosableIncident & { over: boolean }>(tx, closable, [after, limit]);
  return {
    closable: found.filter(({ over }) => over),
    end: found.length === limit ? found.at(-1)!.id : null,
  };
}

/** Of a job, only so many of its newest runs are read. */
const NEWEST = 200;
// Runs after the latest one of the incident, by their ids. That is the order in which they were queued.
const isScheduled = `r.kind IN ('schedule', 'catch_up')`;
const isOver = `CASE i.condition
  WHEN 'skipped' THEN r.state NOT IN ('skipped', 'missed') AND ${isScheduled}
  WHEN 'late' THEN r.started_at IS NOT NULL AND r.lateness_ms < 1000 * i.threshold AND ${isScheduled}
  WHEN 'tooShort' THEN r.state = 'succeeded' AND r.finished_at - r.started_at >= i.threshold * interval '1 s'
  ELSE r.state = 'succeeded' AND r.finished_at > i.latest_at END`;
const closable = `
  SELECT i.id, i.job_id AS "jobId", i.job, i.condition, i.channels,
    CASE WHEN jobs.id IS NULL THEN 'job_deleted' ELSE 'recovered' END AS reason,
    jobs.id IS NULL OR CASE WHEN i.condition = 'tooLong'
      THEN NOT EXISTS (SELECT FROM runs WHERE runs.id = i.latest_run AND runs.state = 'running')
      ELSE EXISTS (SELECT FROM (
        SELECT * FROM runs WHERE runs.job = i.job AND runs.id > COALESCE(i.latest_run, i.id) ORDER BY runs.id DESC LIMIT ${NEWEST}) r
        WHERE r.job_id = i.job_id AND ${isOver}) END AS over
  FROM incidents i LEFT JOIN jobs ON jobs.id = i.job_id
  WHERE i.closed_at IS NULL AND i.id > $1 ORDER BY i.id LIMIT $2`;

/** Open incidents of jobs that were changed since `since`; null: of all jobs. */
export const openOfChangedJobs = (tx: EntityManager, since: Date | null) =>
  rows<Omit<ClosableIncident, 'reason'>>(
    tx,
    `SELECT i.id, i.job_id AS "jobId", i.job, i.condition, i.channels FROM incidents i JOIN jobs ON jobs.id = i.job_id
     WHERE i.closed_at IS NULL AND ($1::timestamptz IS NULL OR jobs.updated_at >= $1)`,
    [since],
  );

/** Closes incidents. `channels` are notified of it. A message about their opening that waits for the end of a mute is dropped, and then
 *  nobody is notified of the end either. */
export async function closeIncidents(
  tx: EntityManager,
  now: Date,
  closed: { id: string; reason: CloseReason; channels: string[] }[],
): Promise<void> {
  if (closed.length === 0) return;
  await tx.query(dropMuted, [closed.map(({ id }) => id), now]);
  await tx.query(close, [JSON.stringify(closed), now]);
}

const dropMuted = `
  DELETE FROM incident_messages m USING incidents i
  WHERE i.id = m.incident_id AND i.id = ANY($1) AND m.sent_at IS NULL AND i.muted_until > $2`;
const close = `
  WITH closing AS (
    SELECT * FROM jsonb_to_recordset($1::jsonb) AS c (id uuid, reason text, channels text[])
  ), closed AS (
    UPDATE incidents SET closed_at = $2, close_reason = closing.reason FROM closing
    WHERE incidents.id = closing.id AND closed_at IS NULL RETURNING incidents.id, closing.channels
  )
  INSERT INTO incident_messages (incident_id, channel, event, created_at)
  SELECT closed.id, channel, 'closed', $2 FROM closed, unnest(closed.channels) AS channel
  WHERE EXISTS (SELECT FROM incident_messages o WHERE o.incident_id = closed.id AND o.event = 'opened')
  ON CONFLICT DO NOTHING`;

/** Deletes up to `limit` incidents that closed more than `days` ago. */
export async function pruneIncidents(tx: EntityManager, days: number, limit: number): Promise<void> {
  await tx.query(
    `DELETE FROM incidents WHERE id = ANY (ARRAY(
       SELECT id FROM incidents WHERE closed_at < statement_timestamp() - make_interval(days => $1) LIMIT $2))`,
    [days, limit],
  );
}
