import type { SchedulerDatabase } from '../database/scheduler-database.js';
import { isUnread } from '../runs/lifecycle/unread-ends.js';
import type { AlertUse } from './alert-use.js';
import { hasRunFor, isLate, isOverdueBy } from './unfinished-runs.js';

/** What there is to evaluate. */
export interface AlertsPoll {
  /** Runs have ended. */
  ended: boolean;
  /** Incidents are open, which may be over. */
  open: boolean;
  /** Messages wait. */
  waiting: boolean;
  /** Jobs or runs may be late. */
  late: boolean;
  /** Attempts may be running for too long. */
  long: boolean;
  /** Checks of jobs are due. */
  checks: boolean;
  any: boolean;
}

/** One statement without a transaction, since it is polled. While the scheduler is paused, nothing is late. */
export async function pollAlerts(database: SchedulerDatabase, use: AlertUse): Promise<AlertsPoll> {
  const [row] = await database.statement<Omit<AlertsPoll, 'any'>>(statementFor(`"${database.schema}".`), [
    use.leastSeconds('late'),
    use.leastSeconds('tooLong'),
  ]);
  return { ...row!, any: Object.values(row!).includes(true) };
}

const statementFor = (schema: string) => `
  SELECT EXISTS (SELECT FROM ${schema}runs WHERE ${isUnread} AND finished_at >= greatest(since, statement_timestamp() - interval '1 day'))
      OR since IS NULL AS ended,
    EXISTS (SELECT FROM ${schema}incidents WHERE closed_at IS NULL) AS open,
    EXISTS (SELECT FROM ${schema}incident_messages WHERE sent_at IS NULL) AS waiting,
    $1::float8 IS NOT NULL AND NOT paused AND (
      EXISTS (SELECT FROM ${schema}jobs WHERE ${isOverdueBy('$1::float8')})
      OR EXISTS (SELECT FROM ${schema}runs WHERE ${isLate('runs', '$1::float8')})) AS late,
    $2::float8 IS NOT NULL AND EXISTS (SELECT FROM ${schema}runs WHERE ${hasRunFor('$2::float8')}) AS long,
    NOT paused AND EXISTS (SELECT FROM ${schema}incident_checks WHERE check_at <= statement_timestamp()) AS checks
  FROM ${schema}alerting, ${schema}scheduler`;
