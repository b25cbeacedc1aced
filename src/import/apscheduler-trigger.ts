import type { TriggerInput } from '../core/triggers/trigger.js';
import { expressionOf } from './apscheduler-cron.js';
import { instantOf } from './apscheduler-instant.js';
import type { ApschedulerJob } from './apscheduler-job.js';
import { NotImported } from './found.js';

/** The trigger of an APScheduler job. Dates without an offset are read in `timeZone`; where that is unknown, in UTC. */
export function triggerOf(job: ApschedulerJob, timeZone: string | undefined): TriggerInput {
  const instant = (field: 'start_date' | 'end_date' | 'run_date') =>
    job[field] === undefined ? undefined : instantOf(field, job[field], timeZone ?? 'UTC');
  const [startAt, endAt] = [instant('start_date'), instant('end_date')];
  const bounds = {
    ...(startAt && { startAt }),
    ...(endAt && { endAt }),
    ...(job.jitter && { jitterSeconds: job.jitter }),
  };
  switch (job.trigger) {
    case 'cron':
      return { type: 'cron', expression: expressionOf(job), ...(timeZone && { timeZone }), ...bounds };
    case 'interval':
      return { type: 'interval', everySeconds: everySeconds(job), ...(startAt && { anchor: startAt }), ...bounds };
    case 'date': {
      const at = instant('run_date');
      if (!at) throw new NotImported('a date without run_date runs when it is added');
      return { type: 'date', at };
    }
    default:
      throw new NotImported(`trigger "${job.trigger}" is neither cron, interval nor date`);
  }
}

/** An interval of nothing is a second to APScheduler. */
function everySeconds({ weeks, days, hours, minutes, seconds }: ApschedulerJob): number {
  const total = (((weeks * 7 + days) * 24 + hours) * 60 + minutes) * 60 + seconds;
  return Math.round(total * 1000) / 1000 || 1;
}
