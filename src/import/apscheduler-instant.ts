import { DAY, isTimeZone, zoneOf } from '../core/triggers/zone.js';
import { NotImported } from './found.js';

const WRITTEN =
  /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ](\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,9}))?)?)?\s*(Z|[+-]\d\d:?\d\d)?$/i;

/** A date of APScheduler's as an instant. Without an offset it is a time on the wall of `timeZone`: the first of two, and
 *  one that was skipped as late as if the clock had not been changed. */
export function instantOf(field: string, text: string, timeZone: string): string {
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', offset] = WRITTEN.exec(text) ?? [];
  if (year === undefined)
    throw new NotImported(`${field} "${text}" is no date; 2026-12-24T18:00:00+01:00 would be one`);
  const milliseconds = Number(fraction.padEnd(3, '0').slice(0, 3));
  const wall = Date.UTC(+year, +month! - 1, +day!, +hour, +minute, +second, milliseconds);
  if (new Date(wall).getUTCDate() !== Number(day)) throw new NotImported(`${field} "${text}": there is no such day`);
  return new Date(wall - (offset === undefined ? offsetAt(wall, timeZone) : offsetIn(offset))).toISOString();
}

function offsetIn(offset: string): number {
  if (/z/i.test(offset)) return 0;
  const [, sign, hours, minutes] = /([+-])(\d\d):?(\d\d)/.exec(offset)!;
  return Number(`${sign}1`) * (Number(hours) * 60 + Number(minutes)) * 60_000;
}

function offsetAt(wall: number, timeZone: string): number {
  if (!isTimeZone(timeZone)) throw new NotImported(`"${timeZone}" is no time zone; Europe/Berlin would be one`);
  const zone = zoneOf(timeZone);
  const [before, after] = [zone.offset(wall - DAY), zone.offset(wall + DAY)];
  return zone.offset(wall - before) !== before && zone.offset(wall - after) === after ? after : before;
}
