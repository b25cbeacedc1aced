import { Injectable } from '@nestjs/common';
import { rows } from '../../database/transaction.js';
import { DatabaseFigures } from '../../metrics/database-figures.js';
import { Metrics } from '../../metrics/metrics.js';
import { firstIdAtSql } from '../../runs/lifecycle/run-ids.js';

const MAX_JOBS = 500;
/** Limits how far back the last success is searched, since a job that never succeeds may have a long history. */
const MAX_RUNS_READ = 100;

interface JobFigures {
  job: string;
  /** Null if none of the last 100 runs succeeded. */
  succeededAt: Date | null;
  /** Null if none of the last 100 runs ended by itself. */
  lastSucceeded: boolean | null;
  nextRunAt: Date | null;
}

/** Metrics with a label for each job. They cover the first 500 jobs by name, so that each replica exports the same
 *  ones. */
@Injectable()
export class EachJobMetrics {
  /** The last known success of each job, in Unix seconds. It is kept when more than 100 runs without success have
   *  followed, until the job is deleted. */
  private successes = new Map<string, number>();

  constructor(metrics: Metrics, figures: DatabaseFigures) {
    const read = figures.of((tx) => rows<JobFigures>(tx, statement));
    const lastSuccess = 'End of the last successful run of a job, among its last 100 or seen earlier by this process';
    metrics.gauge('job_last_success_timestamp_seconds', lastSuccess, ['job'], async () =>
      this.successesIn(await read()),
    );
    const lastRun =
      '1: the last run of a job that ended by itself, among its last 100, succeeded; 0: it failed or timed out';
    metrics.gauge('job_last_run_success', lastRun, ['job'], async () =>
      ((await read()) ?? []).flatMap(({ job, lastSucceeded }) =>
        lastSucceeded === null ? [] : [{ labels: { job }, value: Number(lastSucceeded) }],
      ),
    );
    const next = 'When a job is due next; absent if it is paused or finished';
    metrics.gauge('job_next_run_timestamp_seconds', next, ['job'], async () =>
      ((await read()) ?? []).flatMap(({ job, nextRunAt }) =>
        nextRunAt ? [{ labels: { job }, value: nextRunAt.getTime() / 1000 }] : [],
      ),
    );
  }

  private successesIn(jobs: JobFigures[] | null) {
    if (!jobs) return [];
    const known = jobs.flatMap(({ job, succeededAt }) => {
      const at = succeededAt ? succeededAt.getTime() / 1000 : this.successes.get(job);
      return at === undefined ? [] : [[job, at] as const];
    });
    this.successes = new Map(known);
    return known.map(([job, value]) => ({ labels: { job }, value }));
  }
}

/** Skips the runs of an earlier, deleted job of the same name, which may be many. An hour earlier, in case the
 *  database's clock was set back. */
const SINCE = `job.created_at - interval '1 hour'`;

/** Joins the newest run of each job that meets `condition`. It reads the index from the newest run on and stops at the
 *  first match, so a job that succeeds costs one row. */
const newest = (columns: string, condition: string) => `
  LEFT JOIN LATERAL (
    SELECT ${columns} FROM (
      SELECT state, finished_at FROM runs
      WHERE runs.job = job.name AND job_id = job.id AND runs.id >= ${firstIdAtSql(SINCE)}
      ORDER BY runs.id DESC LIMIT ${MAX_RUNS_READ}) newest
    WHERE ${condition} LIMIT 1) AS`;
const statement = `
  SELECT job.name AS job, CASE WHEN NOT job.paused THEN job.next_run_at END AS "nextRunAt", success."succeededAt",
    last."lastSucceeded"
  FROM (SELECT id, name, paused, next_run_at, created_at FROM jobs ORDER BY name LIMIT ${MAX_JOBS}) job
  ${newest('finished_at AS "succeededAt"', `state = 'succeeded'`)} success ON true
  ${newest(`state = 'succeeded' AS "lastSucceeded"`, `state IN ('succeeded', 'failed', 'timed_out')`)} last ON true`;
