import type { Channels } from '../channels/channels.js';
import type { SchedulerDatabase } from '../database/scheduler-database.js';
import type { Alert } from '../jobs/definition/alert.schema.js';

/** Which conditions are in use, by the channels file and by jobs. For `late` and `tooLong` with the smallest number of seconds. */
export class AlertUse {
  private readonly conditions = new Map<Alert['when'], number>();
  /** Whether incidents are open or messages wait, which have to be brought to their end also after the last alert was removed. */
  private unfinished = false;

  constructor(channels: Channels) {
    for (const alert of channels.defaults()) this.add(alert.when, secondsOf(alert));
  }

  /** Whether there may be anything to evaluate. */
  get any(): boolean {
    return this.unfinished || this.conditions.size > 0;
  }

  has(condition: Alert['when']): boolean {
    return this.conditions.has(condition);
  }

  /** The smallest number of seconds of this condition. Null: it is not in use. */
  leastSeconds(condition: 'late' | 'tooLong'): number | null {
    return this.conditions.get(condition) ?? null;
  }

  /** Adds the conditions of jobs that were changed since `since`; null: of all jobs. A condition that no job has any more stays, which
   *  only costs polls. Returns the time of the database before that. */
  async addJobs(database: SchedulerDatabase, since: Date | null): Promise<Date> {
    const [state] = await database.statement<{ now: Date; unfinished: boolean }>(
      `SELECT statement_timestamp() AS now, EXISTS (SELECT FROM "${database.schema}".incidents WHERE closed_at IS NULL)
         OR EXISTS (SELECT FROM "${database.schema}".incident_messages WHERE sent_at IS NULL) AS unfinished`,
    );
    this.unfinished = state!.unfinished;
    const found = await database.statement<{ condition: Alert['when']; seconds: string }>(
      `SELECT alert->>'when' AS condition, COALESCE(min((alert->>'seconds')::numeric), 1)::text AS seconds
       FROM "${database.schema}".jobs, jsonb_array_elements(jobs.alerts) AS alert
       WHERE jobs.alerts IS NOT NULL AND ($1::timestamptz IS NULL OR jobs.updated_at >= $1) GROUP BY 1`,
      [since],
    );
    for (const { condition, seconds } of found) this.add(condition, Number(seconds));
    return state!.now;
  }

  private add(condition: Alert['when'], seconds: number): void {
    this.conditions.set(condition, Math.min(seconds, this.conditions.get(condition) ?? Infinity));
  }
}

/** A run that is too long for its usual time may be so after a second. */
const secondsOf = (alert: Alert): number => ('seconds' in alert ? (alert.seconds ?? 1) : 1);

/** SQL: whether the alerts of a row of `jobs` may have this condition, for a statement with the values `valuesFor` from `$n` on. */
export const mayHave = (n: number): string => `
  CASE WHEN jobs.alerts IS NOT NULL THEN jobs.alerts @> $${n}::jsonb
    WHEN jobs.tags && $${n + 2}::text[] THEN jobs.tags && $${n + 3}::text[] ELSE $${n + 1}::boolean END`;

export function valuesFor(channels: Channels, condition: Alert['when']): unknown[] {
  const { all, tags, with: having } = channels.defaultsFor(condition);
  return [JSON.stringify([{ when: condition }]), all, tags, having];
}
