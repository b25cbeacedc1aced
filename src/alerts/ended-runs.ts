import type { EntityManager } from 'typeorm';
import type { Channels } from '../channels/channels.js';
import { rows } from '../database/transaction.js';
import type { Alert, AlertOf } from '../jobs/definition/alert.schema.js';
import type { JobDefinition } from '../jobs/definition/job.schema.js';
import type { UnreadEnd } from '../runs/lifecycle/unread-ends.js';
import { firstIdAtSql } from '../runs/lifecycle/run-ids.js';
import type { Finding } from './incidents.js';
import { excerptOf, failureText, LATE_KINDS, lateText } from './summaries.js';

export interface AlertedJob extends Pick<JobDefinition, 'alerts' | 'tags'> {
  id: string;
  name: string;
}

/** The jobs with these ids. Deleted ones are left out. */
export async function jobsById(tx: EntityManager, ids: string[]): Promise<Map<string, AlertedJob>> {
  const jobs = await rows<AlertedJob>(tx, 'SELECT id, name, alerts, tags FROM jobs WHERE id = ANY($1)', [
    [...new Set(ids)],
  ]);
  return new Map(jobs.map((job) => [job.id, job]));
}

type Counted = 'failed' | 'skipped';
interface Streak {
  end: UnreadEnd;
  alert: AlertOf<Counted>;
}

/** What the ends of runs mean by the alerts of their jobs. Runs of deleted jobs mean nothing, and neither do deliveries, which have no
 *  job. */
export async function findingsOf(tx: EntityManager, ends: UnreadEnd[], channels: Channels): Promise<Finding[]> {
  if (ends.length === 0) return [];
  const jobs = await jobsById(
    tx,
    ends.map(({ jobId }) => jobId),
  );
  const alertsOf = new Map([...jobs.values()].map((job) => [job.id, channels.alertsOf(job)]));
  const findings: Finding[] = [];
  const streaks: Streak[] = [];
  for (const end of ends)
    for (const alert of alertsOf.get(end.jobId) ?? []) {
      if (isCounted(alert, end)) streaks.push({ end, alert });
      else findings.push(...findingOf(end, alert));
    }
  return [...findings, ...(await findingsOfStreaks(tx, streaks))];
}

function isCounted(alert: Alert, { state, reason }: UnreadEnd): alert is AlertOf<Counted> {
  if (alert.when === 'failed') return state === 'failed' || state === 'timed_out';
  return alert.when === 'skipped' && state === 'skipped' && reason !== 'paused';
}

function findingOf(end: UnreadEnd, alert: Alert): Finding[] {
  const { state, job, missedTo, missedCount, kind, latenessMs } = end;
  if (alert.when === 'missed' && state === 'missed') {
    const count = missedTo === null ? 1 : missedCount;
    const occurrences = count === 1 ? 'an occurrence' : `${count ?? 'more than 10,000'} occurrences`;
    return [{ ...about(end, alert), summary: `${job} missed ${occurrences}` }];
  }
  if (alert.when === 'late' && LATE_KINDS.includes(kind) && latenessMs !== null && latenessMs >= 1000 * alert.seconds)
    // The same run may have been found while it waited.
    return [
      { ...about(end, alert), threshold: alert.seconds, summary: lateText(job, latenessMs / 1000), fromState: true },
    ];
  return [];
}

const about = ({ id, jobId, job, finishedAt }: UnreadEnd, { when, to }: Exclude<Alert, AlertOf<'recovered'>>) => ({
  jobId,
  job,
  condition: when,
  first: id,
  latest: id,
  runs: 1,
  at: finishedAt,
  threshold: null,
  channels: to,
  fromState: false,
});

/** Those that are long enough. Only alerts with `times` above 1 need the earlier runs of their jobs. */
async function findingsOfStreaks(tx: EntityManager, streaks: Streak[]): Promise<Finding[]> {
  const lengths = await lengthsOf(
    tx,
    streaks.filter(({ alert }) => alert.times > 1),
  );
  return streaks.flatMap(({ end, alert }) => {
    const runs = lengths.get(end.id)?.runs ?? 1;
    if (runs < alert.times) return [];
    const summary =
      alert.when === 'failed'
        ? failureText(end.job, end.state, runs, excerptOf(end.error ?? ''))
        : `${end.job} skipped ${runs === 1 ? 'an occurrence' : `${runs} occurrences in a row`}, because a run was unfinished`;
    return [{ ...about(end, alert), first: lengths.get(end.id)?.first ?? end.id, runs, summary }];
  });
}

async function lengthsOf(tx: EntityManager, streaks: Streak[]): Promise<Map<string, { runs: number; first: string }>> {
  const found: { id: string; runs: number; first: string }[] = [];
  for (const [condition, statement] of [
    ['failed', failures],
    ['skipped', skips],
  ] as const) {
    const ends = streaks
      .filter(({ alert }) => alert.when === condition)
      .map(({ end: { id, job, jobId, finishedAt } }) => ({ id, job, jobId, finishedAt }));
    if (ends.length > 0) found.push(...(await rows<(typeof found)[number]>(tx, statement, [JSON.stringify(ends)])));
  }
  return new Map(found.map((one) => [one.id, one]));
}

/** More than the largest `times`, since some of the newest runs are unfinished or of other kinds. */
const NEWEST = 200;
// The newest runs that had been queued when this one ended, and of these the failed ones after the last success.
const failures = `
  SELECT e.id, count(*)::int AS runs, min(s.id::text) AS first
  FROM jsonb_to_recordset($1::jsonb) AS e (id uuid, job text, "jobId" uuid, "finishedAt" timestamptz), LATERAL (
    SELECT id, state, finished_at, max(finished_at) FILTER (WHERE state = 'succeeded') OVER () AS success FROM (
      SELECT id, state, finished_at FROM runs
      WHERE job = e.job AND id < ${firstIdAtSql(`e."finishedAt" + interval '1 ms'`)} AND job_id = e."jobId"
        AND state IN ('succeeded', 'failed', 'timed_out') AND finished_at <= e."finishedAt"
      ORDER BY runs.id DESC LIMIT ${NEWEST}) newest) s
  WHERE s.state <> 'succeeded' AND (s.success IS NULL OR s.finished_at > s.success) GROUP BY e.id`;
// In the order of the schedule: the skipped rows since the last occurrence that was not skipped.
const skips = `
  SELECT e.id, count(*)::int AS runs, min(s.id::text) AS first
  FROM jsonb_to_recordset($1::jsonb) AS e (id uuid, job text, "jobId" uuid), LATERAL (
    SELECT id, state, max(id::text) FILTER (WHERE state <> 'skipped') OVER () AS other FROM (
      SELECT id, state FROM runs
      WHERE job = e.job AND id <= e.id AND job_id = e."jobId" AND kind IN ('schedule', 'catch_up')
        AND state <> 'missed' AND reason IS DISTINCT FROM 'paused'
      ORDER BY runs.id DESC LIMIT ${NEWEST}) newest) s
  WHERE s.state = 'skipped' AND (s.other IS NULL OR s.id::text > s.other) GROUP BY e.id`;
