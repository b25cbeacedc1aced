import type { EntityManager } from 'typeorm';
import type { Channels } from '../channels/channels.js';
import { rows } from '../database/transaction.js';
import type { Alert, AlertOf } from '../jobs/definition/alert.schema.js';
import { nextRun } from '../jobs/dispatch/due.js';
import { isUnfinished } from '../runs/lifecycle/run.entity.js';
import { mayHave, valuesFor } from './alert-use.js';
import type { AlertedJob } from './ended-runs.js';
import type { Finding } from './incidents.js';
import { durationText, LATE_KINDS, lateText } from './summaries.js';

/** How many jobs or runs one evaluation reads. The next one finds the others. */
const MAX_READ = 10_000;
/** The usual duration of a job is the median of this many successes, of which at least so many are needed. */
const SUCCESSES = 20;
const MIN_SUCCESSES = 5;

const kinds = LATE_KINDS.map((kind) => `'${kind}'`).join(', ');
const noOpen = (condition: 'late' | 'tooLong') =>
  `NOT EXISTS (SELECT FROM incidents i WHERE i.job_id = jobs.id AND i.condition = '${condition}' AND i.closed_at IS NULL)`;

const alertFor = <W extends Alert['when']>(channels: Channels, job: AlertedJob, when: W) =>
  channels.alertsOf(job).find((alert): alert is AlertOf<W> => alert.when === when);

/** SQL: the runs that wait or run, and are late by `seconds`. The columns of `runs` must not be ambiguous. */
export const isLate = (runs: string, seconds: string) => `${isUnfinished} AND ${runs}.kind IN (${kinds})
  AND ((state = 'pending' AND lateness_ms IS NULL AND due_at < statement_timestamp() - ${seconds} * interval '1 s')
    OR (state = 'running' AND lateness_ms >= 1000 * ${seconds}))`;
/** SQL: the jobs that are due by `seconds` and were not dispatched. */
export const isOverdueBy = (seconds: string) =>
  `${nextRun('jobs')} < statement_timestamp() - ${seconds} * interval '1 s'`;
/** SQL: the attempts that have been running for `seconds`. */
export const hasRunFor = (seconds: string) =>
  `state = 'running' AND NOT claimed_ahead AND started_at < statement_timestamp() - ${seconds} * interval '1 s'`;

interface Candidate extends AlertedJob {
  run: string | null;
  seconds: number;
}

/** Jobs that are due and not dispatched, and runs that are late and unfinished. `seconds` is the smallest limit that any job has. */
export async function findLate(tx: EntityManager, now: Date, channels: Channels, seconds: number): Promise<Finding[]> {
  const values = [seconds, ...valuesFor(channels, 'late')];
  const overdue = await rows<Candidate>(
    tx,
    `SELECT jobs.id, jobs.name, jobs.alerts, jobs.tags, NULL::uuid AS run,
       extract(epoch FROM statement_timestamp() - next_run_at)::float8 AS seconds
     FROM jobs WHERE ${isOverdueBy('$1::float8')} AND ${mayHave(2)} AND ${noOpen('late')} ORDER BY ${nextRun('jobs')} LIMIT ${MAX_READ}`,
    values,
  );
  const late = await rows<Candidate>(
    tx,
    `SELECT jobs.id, jobs.name, jobs.alerts, jobs.tags, late.id AS run,
       extract(epoch FROM COALESCE(late.started_at, statement_timestamp()) - late.due_at)::float8 AS seconds
     FROM (SELECT * FROM runs WHERE ${isLate('runs', '$1::float8')} ORDER BY due_at LIMIT ${MAX_READ}) late
       JOIN jobs ON jobs.id = late.job_id
     WHERE ${mayHave(2)} AND ${noOpen('late')} ORDER BY late.id`,
    values,
  );
  return [...overdue, ...late].flatMap((candidate) => {
    const alert = alertFor(channels, candidate, 'late');
    if (!alert || candidate.seconds < alert.seconds) return [];
    return [
      {
        ...about(candidate, now, alert),
        threshold: alert.seconds,
        summary: lateText(candidate.name, candidate.seconds),
      },
    ];
  });
}

/** Runs that have been running for too long. `seconds` is the smallest limit that any job has. */
export async function findTooLong(
  tx: EntityManager,
  now: Date,
  channels: Channels,
  seconds: number,
): Promise<Finding[]> {
  const found = await rows<Candidate>(
    tx,
    `SELECT jobs.id, jobs.name, jobs.alerts, jobs.tags, long.id AS run,
       extract(epoch FROM statement_timestamp() - long.started_at)::float8 AS seconds
     FROM (SELECT * FROM runs WHERE ${hasRunFor('$1::float8')} ORDER BY started_at LIMIT ${MAX_READ}) long
       JOIN jobs ON jobs.id = long.job_id
     WHERE ${mayHave(2)} AND ${noOpen('tooLong')} ORDER BY long.id`,
    [seconds, ...valuesFor(channels, 'tooLong')],
  );
  const candidates = found.flatMap((candidate) => {
    const alert = alertFor(channels, candidate, 'tooLong');
    return alert ? [{ candidate, alert }] : [];
  });
  const usual = await usualSeconds(
    tx,
    candidates.filter(({ alert }) => alert.times !== undefined).map(({ candidate }) => candidate),
  );
  return candidates.flatMap(({ candidate, alert }) => {
    const { name } = candidate;
    const median = usual.get(candidate.id) ?? Infinity;
    const limit = alert.seconds ?? alert.times! * median;
    if (candidate.seconds < limit) return [];
    const than = alert.seconds === undefined ? `; usual are ${durationText(median)}` : '';
    const summary = `${name} has been running for ${durationText(candidate.seconds)}${than}`;
    return [{ ...about(candidate, now, alert), summary }];
  });
}

/** The usual seconds of jobs, by their ids. A job with too few successes among its newest runs is left out. */
async function usualSeconds(tx: EntityManager, jobs: AlertedJob[]): Promise<Map<string, number>> {
  if (jobs.length === 0) return new Map();
  const medians = await rows<{ id: string; seconds: number }>(
    tx,
    `SELECT j.id, percentile_cont(0.5) WITHIN GROUP (ORDER BY s.seconds) AS seconds
     FROM (SELECT DISTINCT * FROM unnest($1::uuid[], $2::text[]) AS one (id, name)) j, LATERAL (
       SELECT extract(epoch FROM finished_at - started_at)::float8 AS seconds FROM (
         SELECT * FROM runs WHERE job = j.name ORDER BY runs.id DESC LIMIT ${10 * SUCCESSES}) newest
       WHERE state = 'succeeded' AND job_id = j.id ORDER BY newest.id DESC LIMIT ${SUCCESSES}) s
     GROUP BY j.id HAVING count(*) >= ${MIN_SUCCESSES}`,
    [jobs.map(({ id }) => id), jobs.map(({ name }) => name)],
  );
  return new Map(medians.map(({ id, seconds }) => [id, seconds]));
}

const about = ({ id, name, run }: Candidate, now: Date, { when, to }: AlertOf<'late' | 'tooLong'>) => ({
  jobId: id,
  job: name,
  condition: when,
  first: run,
  latest: run,
  runs: run === null ? 0 : 1,
  at: now,
  threshold: null,
  channels: to,
  fromState: true,
});
