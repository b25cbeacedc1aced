import { completeTrigger, openTrigger, triggerInput, type TriggerInput } from '../core/triggers/trigger.js';
import { DAY, zoneOf } from '../core/triggers/zone.js';
import { zoneFaultOf } from '../core/triggers/zone-names.js';
import { expressionOf } from './apscheduler-cron.js';
import type { ApschedulerJob } from './apscheduler-job.js';
import { NotImportableError } from './import-result.js';

/** The trigger of an APScheduler job. Dates without an offset are in `timeZone`, or in UTC when that is unknown. */
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
      if (!at) throw new NotImportableError('a date trigger without run_date runs when the job is added');
      return { type: 'date', at };
    }
    default:
      throw new NotImportableError(`trigger "${job.trigger}" is neither cron, interval nor date`);
  }
}

/** APScheduler takes an interval of zero as one second. */
function everySeconds({ weeks, days, hours, minutes, seconds }: ApschedulerJob): number {
  const total = (((weeks * 7 + days) * 24 + hours) * 60 + minutes) * 60 + seconds;
  return Math.round(total * 1000) / 1000 || 1;
}

/** A change to report when `next_run_time` in the file is not an occurrence of the imported trigger. Usually the
 *  scheduler has another time zone. */
export function nextRunMismatch(job: ApschedulerJob, imported: TriggerInput, timeZone = 'UTC'): string[] {
  const trigger = triggerInput.safeParse(imported);
  if (!trigger.success || !job.next_run_time || job.jitter) return [];
  const next = new Date(instantOf('next_run_time', job.next_run_time, timeZone));
  const complete = completeTrigger(trigger.data, { timeZone, createdAt: next });
  const ours = openTrigger(complete, '').next(new Date(next.getTime() - 1));
  if (ours?.getTime() === next.getTime()) return [];
  const hint =
    complete.type === 'cron' ? ` in ${complete.timeZone}; give the scheduler's time zone with --time-zone` : '';
  return [`next_run_time ${job.next_run_time} is not an occurrence of the trigger${hint}`];
}

const DATE =
  /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ](\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,9}))?)?)?\s*(Z|[+-]\d\d:?\d\d)?$/i;

/** A date of APScheduler as ISO 8601 in UTC. Without an offset it is a local time in `timeZone`. Of a local time that occurs
 *  twice, the first is meant; one that a clock change skips is read with the offset before the change. */
export function instantOf(field: string, text: string, timeZone: string): string {
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', offset] = DATE.exec(text) ?? [];
  if (year === undefined)
    throw new NotImportableError(`${field} "${text}" is not a date such as 2026-12-24T18:00:00+01:00`);
  const milliseconds = Number(fraction.padEnd(3, '0').slice(0, 3));
  const local = Date.UTC(+year, +month! - 1, +day!, +hour, +minute, +second, milliseconds);
  if (new Date(local).getUTCDate() !== Number(day))
    throw new NotImportableError(`${field} "${text}": there is no such day`);
  return new Date(local - (offset === undefined ? offsetAt(local, timeZone) : offsetIn(offset))).toISOString();
}

/** Milliseconds, of an offset such as Z or +01:00. */
function offsetIn(offset: string): number {
  if (/z/i.test(offset)) return 0;
  const [, sign, hours, minutes] = /([+-])(\d\d):?(\d\d)/.exec(offset)!;
  return Number(`${sign}1`) * (Number(hours) * 60 + Number(minutes)) * 60_000;
}

/** Milliseconds, of the zone at a local time. */
function offsetAt(local: number, timeZone: string): number {
  const fault = zoneFaultOf(timeZone);
  if (fault) throw new NotImportableError(`"${timeZone}" is not a time zone such as Europe/Berlin. ${fault}`);
  const zone = zoneOf(timeZone);
  const [before, after] = [zone.offset(local - DAY), zone.offset(local + DAY)];
  return zone.offset(local - before) !== before && zone.offset(local - after) === after ? after : before;
}
