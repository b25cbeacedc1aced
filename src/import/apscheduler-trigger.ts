import { BY_CRON_RULE } from '../core/triggers/clock-change.js';
import { completeTrigger, openTrigger, triggerInput, type TriggerInput } from '../core/triggers/trigger.js';
import { DAY, zoneOf } from '../core/triggers/zone.js';
import { zoneFaultOf } from '../core/triggers/zone-names.js';
import { expressionOf } from './apscheduler-cron.js';
import type { ApschedulerJob } from './apscheduler-job.js';
import { NotImportableError } from './import-result.js';

/** The trigger of an APScheduler job. Dates without an offset are in `timeZone`, or in UTC when that is unknown. Throws a
 *  NotImportableError for a date with an abbreviation such as CET when `timeZone` is unknown. */
export function triggerOf(job: ApschedulerJob, timeZone: string | undefined): TriggerInput {
  const instant = (field: 'start_date' | 'end_date' | 'run_date') =>
    job[field] === undefined ? undefined : instantOf(field, job[field], timeZone);
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
  const ours = openTrigger({ trigger: complete, clockChange: BY_CRON_RULE }, '').next(new Date(next.getTime() - 1));
  if (ours?.getTime() === next.getTime()) return [];
  const hint =
    complete.type === 'cron' ? ` in ${complete.timeZone}; give the scheduler's time zone with --time-zone` : '';
  const shown = SECONDS.test(job.next_run_time) ? next.toISOString() : job.next_run_time;
  return [`next_run_time ${shown} is not an occurrence of the trigger${hint}`];
}

const DATE =
  /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ](\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,9}))?)?)?\s*(Z|UTC|GMT|[+-]\d\d:?\d\d)?(?: ([A-Z]{2,5}))?$/i;

/** A job store holds next_run_time as seconds since 1970. */
const SECONDS = /^\d{9,11}(\.\d+)?$/;

/** A date of APScheduler as ISO 8601 in UTC. Without an offset it is a local time in `timeZone`. Of a local time that occurs
 *  twice, the first is meant; one that a clock change skips is read with the offset before the change. */
export function instantOf(field: string, text: string, timeZone: string | undefined): string {
  if (SECONDS.test(text)) return new Date(Math.round(Number(text) * 1000)).toISOString();
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', offset, abbreviation] =
    DATE.exec(text) ?? [];
  if (year === undefined)
    throw new NotImportableError(`${field} "${text}" is not a date such as 2026-12-24T18:00:00+01:00`);
  if (abbreviation !== undefined && offset === undefined && timeZone === undefined)
    throw new NotImportableError(
      `${field} "${text}" names its time zone only as ${abbreviation}; give the zone with --time-zone=Europe/Berlin`,
    );
  const milliseconds = Number(fraction.padEnd(3, '0').slice(0, 3));
  const local = Date.UTC(+year, +month! - 1, +day!, +hour, +minute, +second, milliseconds);
  // Date.UTC counts on from a day or time that does not exist.
  const existing = new Date(local).toISOString();
  const written = [hour, minute, second].map((part) => part.padStart(2, '0')).join(':');
  const offsetExists = !/[+-](?:2[4-9]|[3-9]\d|\d\d:?[6-9])/.test(offset ?? '');
  if (!existing.includes(`T${written}.`) || !offsetExists)
    throw new NotImportableError(`${field} "${text}": there is no such time`);
  if (!existing.startsWith(`${year}-${month!.padStart(2, '0')}-${day!.padStart(2, '0')}T`))
    throw new NotImportableError(`${field} "${text}": there is no such day`);
  return new Date(local - (offset === undefined ? offsetAt(local, timeZone ?? 'UTC') : offsetIn(offset))).toISOString();
}

/** Milliseconds, of an offset such as Z, UTC or +01:00. */
function offsetIn(offset: string): number {
  if (/^(z|utc|gmt)$/i.test(offset)) return 0;
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
