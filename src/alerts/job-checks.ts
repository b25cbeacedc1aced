import type { EntityManager } from 'typeorm';
import type { Channels } from '../channels/channels.js';
import { rows } from '../database/transaction.js';
import type { AlertOf } from '../jobs/definition/alert.schema.js';
import { firstIdAtSql } from '../runs/lifecycle/run-ids.js';
import { mayHave, valuesFor } from './alert-use.js';
import type { AlertedJob } from './ended-runs.js';
import type { Finding } from './incidents.js';
import { durationText } from './summaries.js';

/** Conditions that nothing triggers. Each job that may have one has a row in `incident_checks` with the time of its next check. */
export const checkedConditions = ['noSuccess', 'tooShort'] as const;
type Checked = (typeof checkedConditions)[number];

const MAX_CHECKED = 1_000;
const HOUR_MS = 3_600_000;
/** How often the newest run of a job with `tooShort` is read. */
const SHORT_EVERY_MS = 10_000;
/** How many of the newest runs are searched for a success. */
const NEWEST = 100;

/** Plans checks, at once, for the jobs that were changed since `since`; null: for all jobs. */
export async function planChecks(tx: EntityManager, channels: Channels, since: Date | null): Promise<void> {
  for (const condition of checkedConditions)
    await tx.query(
      `INSERT INTO incident_checks (job_id, condition, check_at)
       SELECT id, $2, statement_timestamp() FROM jobs
       WHERE ($1::timestamptz IS NULL OR updated_at >= $1) AND ${mayHave(3)} ORDER BY id
       ON CONFLICT (job_id, condition) DO UPDATE SET check_at = least(incident_checks.check_at, excluded.check_at)`,
      [since, condition, ...valuesFor(channels, condition)],
    );
}

interface Check extends AlertedJob {
  condition: Checked;
  /** False: the job was deleted, and its other fields are null. */
  exists: boolean;
  createdAt: Date;
  /** Whether it is paused, or no occurrence is left. */
  idle: boolean;
}

const alertFor = (channels: Channels, check: Check) =>
  channels.alertsOf(check).find((alert): alert is AlertOf<Checked> => alert.when === check.condition);

interface Checks {
  findings: Finding[];
  /** Whether more checks may be due. */
  more: boolean;
}

/** Makes the checks that are due, and plans the next check of each job. The check of a job without such an alert, or of a deleted job, is
 *  removed. */
export async function makeChecks(tx: EntityManager, now: Date, channels: Channels): Promise<Checks> {
  const due = await rows<Check>(
    tx,
    `SELECT c.job_id AS id, jobs.id IS NOT NULL AS exists, jobs.name, jobs.alerts, jobs.tags, c.condition, jobs.created_at AS "createdAt",
       jobs.paused OR jobs.next_occurrence_at IS NULL AS idle
     FROM (SELECT * FROM incident_checks WHERE check_at <= $1 ORDER BY check_at LIMIT ${MAX_CHECKED}) c
       LEFT JOIN jobs ON jobs.id = c.job_id`,
    [now],
  );
  if (due.length === 0) return { findings: [], more: false };
  const alerts = due.map((check) => ({
    check,
    alert: check.exists ? alertFor(channels, check) : undefined,
  }));
  const unsuccessful = await checkSuccesses(
    tx,
    now,
    alerts.flatMap(({ check, alert }) => (alert?.when === 'noSuccess' ? [{ check, alert }] : [])),
  );
  const short = await checkDurations(
    tx,
    now,
    alerts.flatMap(({ check, alert }) => (alert?.when === 'tooShort' ? [{ check, alert }] : [])),
  );
  await plan(tx, [...unsuccessful, ...short]);
  await remove(
    tx,
    alerts.flatMap(({ check, alert }) => (alert ? [] : [check])),
  );
  return {
    findings: [...unsuccessful, ...short].flatMap(({ finding }) => finding ?? []),
    more: due.length === MAX_CHECKED,
  };
}

interface CheckResult {
  check: Check;
  finding: Finding | null;
  nextAt: Date;
}

/** When a job last succeeded, or a pause ended. Otherwise since it exists. It is checked again when that is too long ago. */
async function checkSuccesses(
  tx: EntityManager,
  now: Date,
  checks: { check: Check; alert: AlertOf<'noSuccess'> }[],
): Promise<CheckResult[]> {
  if (checks.length === 0) return [];
  const last = await rows<{ id: string; at: Date | null; newest: string | null }>(
    tx,
    `SELECT j.id, (
       SELECT finished_at FROM runs
       WHERE job = j.name AND runs.id >= ${firstIdAtSql(`$4::timestamptz - (j.hours + 24) * interval '1 hour'`)} AND job_id = j.id
         AND (state = 'succeeded' OR (state = 'skipped' AND reason = 'paused'))
       ORDER BY runs.id DESC LIMIT 1) AS at, (
       SELECT runs.id FROM runs WHERE job = j.name AND job_id = j.id AND finished_at IS NOT NULL
       ORDER BY runs.id DESC LIMIT 1) AS newest
     FROM unnest($1::uuid[], $2::text[], $3::float8[]) AS j (id, name, hours)`,
    [
      checks.map(({ check }) => check.id),
      checks.map(({ check }) => check.name),
      checks.map(({ alert }) => alert.hours),
      now,
    ],
  );
  const found = new Map(last.map((one) => [one.id, one]));
  return checks.map(({ check, alert: { hours, to } }) => {
    const { at, newest } = found.get(check.id)!;
    const since = at ?? check.createdAt;
    const until = new Date(since.getTime() + hours * HOUR_MS);
    // A pause that ends changes the job, so it is checked then.
    if (check.idle) return { check, finding: null, nextAt: new Date(now.getTime() + hours * HOUR_MS) };
    if (until > now) return { check, finding: null, nextAt: until };
    const summary = `${check.name} has had no successful run for ${durationText((now.getTime() - since.getTime()) / 1000)}`;
    const finding = { ...about(check, now, to), first: newest, latest: newest, summary, threshold: hours * 3600 };
    return { check, finding, nextAt: new Date(now.getTime() + HOUR_MS) };
  });
}

/** Whether the newest successful run was too short. */
async function checkDurations(
  tx: EntityManager,
  now: Date,
  checks: { check: Check; alert: AlertOf<'tooShort'> }[],
): Promise<CheckResult[]> {
  if (checks.length === 0) return [];
  const newest = await rows<{ id: string; run: string; seconds: number }>(
    tx,
    `SELECT j.id, s.id AS run, extract(epoch FROM s.finished_at - s.started_at)::float8 AS seconds
     FROM unnest($1::uuid[], $2::text[]) AS j (id, name), LATERAL (
       SELECT * FROM (SELECT * FROM runs WHERE job = j.name ORDER BY runs.id DESC LIMIT ${NEWEST}) newest
       WHERE state = 'succeeded' AND job_id = j.id ORDER BY newest.id DESC LIMIT 1) s`,
    [checks.map(({ check }) => check.id), checks.map(({ check }) => check.name)],
  );
  const found = new Map(newest.map((one) => [one.id, one]));
  return checks.map(({ check, alert: { seconds, to } }) => {
    const success = found.get(check.id);
    const nextAt = new Date(now.getTime() + SHORT_EVERY_MS);
    if (!success || success.seconds >= seconds) return { check, finding: null, nextAt };
    const summary = `${check.name} succeeded after ${durationText(success.seconds)}, expected are at least ${durationText(seconds)}`;
    const finding = { ...about(check, now, to), first: success.run, latest: success.run, summary, threshold: seconds };
    return { check, finding, nextAt };
  });
}

const about = ({ id, name, condition }: Check, now: Date, channels: string[]) => ({
  jobId: id,
  job: name,
  condition,
  runs: condition === 'tooShort' ? 1 : 0,
  at: now,
  channels,
  fromState: condition === 'tooShort',
});

const plan = (tx: EntityManager, checked: CheckResult[]) =>
  tx.query(
    `UPDATE incident_checks c SET check_at = p.at FROM unnest($1::uuid[], $2::text[], $3::timestamptz[]) AS p (id, condition, at)
     WHERE c.job_id = p.id AND c.condition = p.condition`,
    [
      checked.map(({ check }) => check.id),
      checked.map(({ check }) => check.condition),
      checked.map(({ nextAt }) => nextAt),
    ],
  );

const remove = (tx: EntityManager, checks: Check[]) =>
  tx.query(
    `DELETE FROM incident_checks c USING unnest($1::uuid[], $2::text[]) AS p (id, condition)
     WHERE c.job_id = p.id AND c.condition = p.condition`,
    [checks.map(({ id }) => id), checks.map(({ condition }) => condition)],
  );
