import { Injectable } from '@nestjs/common';
import { rows } from '../../database/transaction.js';
import { isSchedulerPaused } from '../../runs/lifecycle/scheduler-paused.js';
import { DatabaseFigures } from '../../metrics/database-figures.js';
import { Metrics } from '../../metrics/metrics.js';
import { jobStates } from '../definition/job.entity.js';
import { isOverdue } from './due.js';

type Figures = Record<(typeof jobStates)[number], number> & {
  overdue: number;
  overdueSeconds: number;
  schedulerPaused: boolean;
};

/** How many jobs there are, and whether they are dispatched in time. All figures are read with one statement. */
@Injectable()
export class JobsMetrics {
  constructor(metrics: Metrics, figures: DatabaseFigures) {
    const read = figures.of(async (tx) => (await rows<Figures>(tx, statement))[0]!);
    metrics.gauge('jobs', 'Jobs by state', ['state'], async () => {
      const found = await read();
      if (!found) return [];
      return jobStates.map((state) => ({ labels: { state }, value: found[state] }));
    });
    const only = (name: string, help: string, value: (found: Figures) => number) =>
      metrics.gauge(name, help, [], async () => {
        const found = await read();
        return found ? [{ value: value(found) }] : [];
      });
    only(
      'occurrences_overdue',
      'Jobs that have been due for more than 15 s and are not dispatched although the scheduler is not paused',
      (found) => found.overdue,
    );
    const age = 'How long the oldest of occurrences_overdue has been due; 0 if there is none';
    only('overdue_oldest_seconds', age, (found) => found.overdueSeconds);
    only('scheduler_paused', '1 while the whole scheduler is paused', (found) => Number(found.schedulerPaused));
  }
}

const statement = `
  SELECT count(*) FILTER (WHERE NOT paused AND next_occurrence_at IS NOT NULL)::int AS active,
    count(*) FILTER (WHERE paused AND next_occurrence_at IS NOT NULL)::int AS paused,
    count(*) FILTER (WHERE next_occurrence_at IS NULL)::int AS finished,
    count(*) FILTER (WHERE ${isOverdue})::int AS overdue,
    COALESCE(extract(epoch FROM statement_timestamp() - min(next_run_at) FILTER (WHERE ${isOverdue})), 0)::float8
      AS "overdueSeconds",
    (SELECT ${isSchedulerPaused('scheduler')} FROM scheduler) AS "schedulerPaused"
  FROM jobs`;
