import { CRON_FIELDS, withSecond } from './cron.fields.js';
import { calendarOf } from './cron.calendar.js';
import { parseCron, valuesOf } from './cron.pattern.js';
import { type ClockChange, rulesOf } from './clock-change.js';
import { openTrigger, type Schedule } from './trigger.js';
import { DAY, zoneOf } from './zone.js';

/** Why an instant is no occurrence of a trigger, or how a clock change has moved it. Times are milliseconds since 1970. */
export interface InstantFault {
  code: 'field' | 'day' | 'grid' | 'date' | 'before_start' | 'after_end' | 'clock_gap' | 'clock_repeat';
  text: string;
  /** After a clock change: when the occurrence ran instead. Null: it did not. */
  ranAt?: number | null;
}

export interface ExplainedInstant {
  isOccurrence: boolean;
  /** When it is due: with its jitter. */
  due: number;
  /** The occurrences before and after it. Null: there is none. */
  before: number | null;
  after: number | null;
  faults: InstantFault[];
}

/** Whether `at` is an occurrence, and if not, why not, field by field. */
export function explainInstant(schedule: Schedule, seed: string, at: number): ExplainedInstant {
  const trigger = openTrigger(schedule, seed);
  const isOccurrence = trigger.next(new Date(at - 1))?.getTime() === at;
  return {
    isOccurrence,
    due: isOccurrence ? at + trigger.delay(new Date(at)) : at,
    before: trigger.previous(new Date(at))?.getTime() ?? null,
    after: trigger.next(new Date(at))?.getTime() ?? null,
    faults: isOccurrence ? [] : faultsOf(schedule, at),
  };
}

function faultsOf({ trigger: definition, clockChange }: Schedule, at: number): InstantFault[] {
  if (definition.type === 'date') {
    const code = at > Date.parse(definition.at) ? 'after_end' : 'date';
    return [{ code, text: `The job runs once, at ${definition.at}.` }];
  }
  const { startAt, endAt } = definition;
  if (startAt !== null && at < Date.parse(startAt))
    return [{ code: 'before_start', text: `The trigger begins at ${startAt}.` }];
  if (endAt !== null && at > Date.parse(endAt)) return [{ code: 'after_end', text: `The trigger ended at ${endAt}.` }];
  if (definition.type === 'cron') return cronFaults(definition.expression, definition.timeZone, clockChange, at);
  const everyMs = Math.round(definition.everySeconds * 1000);
  const off = (((at - Date.parse(definition.anchor)) % everyMs) + everyMs) % everyMs;
  const text = `The job runs every ${definition.everySeconds} s, counted from ${definition.anchor}. This instant is ${off / 1000} s after one of these.`;
  return [{ code: 'grid', text }];
}

function cronFaults(expression: string, timeZone: string, clockChange: ClockChange, at: number): InstantFault[] {
  const zone = zoneOf(timeZone);
  const faults = fieldFaults(expression, at + zone.offset(at));
  const { gap, repeat } = rulesOf(clockChange, calendarOf(expression).isFixed);
  // The last pass is left out only where the first one counts, and the other way round.
  const change = zone.change(
    ...(repeat === 'last' && faults.length === 0 ? ([at, at + DAY] as const) : ([at - DAY, at] as const)),
  );
  if (change === null) return faults;
  const [before, after] = [zone.offset(change - 1000), zone.offset(change)];
  // The local time that this instant would have had without the change.
  const unchanged = at + before;
  if (after > before && unchanged < change + after && fieldFaults(expression, unchanged).length === 0) {
    const ranAt = gap === 'run' ? change : null;
    const instead = ranAt === null ? 'it did not run' : `it ran right after the change, at ${iso(ranAt)}`;
    const text = `The local time ${local(unchanged)} did not exist in ${timeZone}, because the clocks went forward: ${instead}.`;
    return [{ code: 'clock_gap', text, ranAt }];
  }
  const length = before - after;
  if (length > 0 && Math.abs(at - change) <= length && faults.length === 0) {
    const ranAt = at < change ? at + length : at - length;
    const text = `The local time ${local(at + zone.offset(at))} came twice in ${timeZone}, because the clocks went back: the occurrence was at the ${repeat} time, ${iso(ranAt)}.`;
    return [{ code: 'clock_repeat', text, ranAt }];
  }
  return faults;
}

const iso = (at: number): string => new Date(at).toISOString();
const local = (wall: number): string => new Date(wall).toISOString().slice(0, 19);

/** The fields that a local time does not match. */
function fieldFaults(expression: string, wall: number): InstantFault[] {
  const pattern = parseCron(expression);
  const date = new Date(wall);
  const texts = expression.trim().startsWith('@') ? [] : withSecond(expression.trim().split(/\s+/));
  const values = [date.getUTCSeconds(), date.getUTCMinutes(), date.getUTCHours()];
  const faults: InstantFault[] = [];
  if (wall % 1000 !== 0) faults.push({ code: 'field', text: 'Occurrences are at full seconds.' });
  for (const [index, value] of values.entries()) {
    const { name, parsed } = CRON_FIELDS[index]!;
    const accepted = valuesOf(pattern[parsed as 'second' | 'minute' | 'hour']);
    if (accepted.includes(value)) continue;
    const written = texts[index] === undefined ? expression : texts[index];
    faults.push({ code: 'field', text: `The ${name} is ${value}, and "${written}" does not include it.` });
  }
  const midnight = Math.floor(wall / DAY) * DAY;
  const first = calendarOf(expression).next(midnight);
  if (first === null || first >= midnight + DAY) {
    const day = date.toLocaleDateString('en-US', { weekday: 'long', timeZone: 'UTC' });
    const written = texts.length === 0 ? expression : texts.slice(3).join(' ');
    faults.push({
      code: 'day',
      text: `The day ${date.toISOString().slice(0, 10)}, a ${day}, does not match "${written}".`,
    });
  }
  return faults;
}
