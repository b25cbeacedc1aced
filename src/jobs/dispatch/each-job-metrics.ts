import { Injectable } from '@nestjs/common';
import { rows } from '../../database/transaction.js';
import { DatabaseFigures } from '../../metrics/database-figures.js';
import { Metrics } from '../../metrics/metrics.js';
import { firstIdAtSql } from '../../runs/lifecycle/run-ids.js';

const MOST_JOBS = 500;
/** A job that never succeeds may have a long history. */
const MOST_RUNS_LOOKED_AT = 100;

interface JobFigures {
  job: string;
  /** Null: none of those looked at. */
  succeededAt: Date | null;
  lastSucceeded: boolean | null;
  nextRunAt: Date | null;
}

/** How jobs are and when they run next: of the first 500 by name, the same ones in each replica. */
@Injectable()
export class EachJobMetrics {
  /** What was seen once is known until the job is gone, also when many runs without success have followed. */
  private successes = new Map<string, number>();

  constructor(metrics: Metrics, figures: DatabaseFigures) {
    const read = figures.of((tx) => rows<JobFigures>(tx, statement));
    const lastSuccess =
      'End of the last run of a job that succeeded, within its last 100 or seen by this process before';
    metrics.gauge('job_last_success_timestamp_seconds', lastSuccess, ['job'], async () =>
      this.successesIn(await read()),
    );
    const lastRun =
      'Whether the last run of a job that ended by itself succeeded, within its last 100: 0 where it failed or timed out';
    metrics.gauge('job_last_run_success', lastRun, ['job'], async () =>
      ((await read()) ?? []).flatMap(({ job, lastSucceeded }) =>
        lastSucceeded === null ? [] : [{ labels: { job }, value: Number(lastSucceeded) }],
      ),
    );
    const next = 'When a job is due next; of one that is paused or finished there is none';
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

/** A job of that name that was deleted may have a long history too. An hour less, for a database whose clock was set back. */
const SINCE = `job.created_at - interval '1 hour'`;

/** Of a job that succeeds, one row is read. */
const newest = (columns: string, condition: string) => `
  LEFT JOIN LATERAL (
    SELECT ${columns} FROM (
      SELECT state, finished_at FROM runs
      WHERE runs.job = job.name AND job_id = job.id AND runs.id >= ${firstIdAtSql(SINCE)}
      ORDER BY runs.id DESC LIMIT ${MOST_RUNS_LOOKED_AT}) newest
    WHERE ${condition} LIMIT 1) AS`;
const statement = `
  SELECT job.name AS job, CASE WHEN NOT job.paused THEN job.next_run_at END AS "nextRunAt", success."succeededAt",
    last."lastSucceeded"
  FROM (SELECT id, name, paused, next_run_at, created_at FROM jobs ORDER BY name LIMIT ${MOST_JOBS}) job
  ${newest('finished_at AS "succeededAt"', `state = 'succeeded'`)} success ON true
  ${newest(`state = 'succeeded' AS "lastSucceeded"`, `state IN ('succeeded', 'failed', 'timed_out')`)} last ON true`;
