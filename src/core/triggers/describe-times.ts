import { listOf, stepOf, unitsOf } from './number-words.js';

/** The values that a cron expression accepts, each list in ascending order. */
interface TimeFields {
  hours: number[];
  minutes: number[];
  seconds: number[];
}

/** At most this many times of day are listed, unless they differ by the hour only. */
const LISTED = 6;

/** The times of day, such as "At 09:00 and 17:00", "Every 2 hours" or "Every 5 minutes from 09:00 through 17:55". */
export function describeTimes(fields: TimeFields): string {
  const words = everyHours(fields) ?? timesList(fields) ?? byField(fields);
  return words[0]!.toUpperCase() + words.slice(1);
}

/** For one time in each of several hours at equal distances. Null otherwise. */
function everyHours({ hours, minutes, seconds }: TimeFields): string | null {
  const step = stepOf(hours, 3);
  if (minutes.length > 1 || seconds.length > 1 || step === null) return null;
  const [first, last] = [hours[0]!, hours.at(-1)!].map((hour) => clock(hour, minutes[0]!, seconds[0]!));
  const unit = step === 1 ? 'every hour' : `every ${step} hours`;
  if (hours.length * step !== 24) return `${unit} from ${first} through ${last}`;
  if (first === '00:00') return unit;
  return step === 1 ? null : `${unit} from ${first}`;
}

function timesList({ hours, minutes, seconds }: TimeFields): string | null {
  const perHour = minutes.length * seconds.length;
  if (hours.length * perHour > LISTED && (perHour > 1 || hours.length === 24)) return null;
  return `at ${listOf(
    hours.flatMap((hour) => minutes.flatMap((minute) => seconds.map((second) => clock(hour, minute, second)))),
  )}`;
}

function byField({ hours, minutes, seconds }: TimeFields): string {
  const [second, minute] = [stepOfCycle(seconds), stepOfCycle(minutes)];
  const isWholeMinute = seconds.length === 1 && seconds[0] === 0;
  if (isWholeMinute && minute !== null) return `${every('minute', minute)}${duringHours(hours, 0, 60 - minute, 0)}`;
  if (isWholeMinute) return `at ${unitsOf('minute', minutes)} of ${hoursOf(hours)}`;
  const base = second === null ? `at ${unitsOf('second', seconds)}` : every('second', second);
  if (minutes.length < 60) return `${base}, in ${unitsOf('minute', minutes)} of ${hoursOf(hours)}`;
  const last = seconds.at(-1)!;
  return `${base}${second === null ? ' of every minute' : ''}${duringHours(hours, seconds[0]!, 59, last)}`;
}

const every = (unit: string, step: number): string => (step === 1 ? `every ${unit}` : `every ${step} ${unit}s`);

/** The step of values that begin at 0 and follow each other at equal distances also from one minute or hour to the next. */
function stepOfCycle(values: number[]): number | null {
  const step = stepOf(values, 3) ?? stepOf(values, 2);
  return step !== null && values[0] === 0 && values.length * step === 60 ? step : null;
}

const hoursOf = (hours: number[]): string => (hours.length === 24 ? 'every hour' : unitsOf('hour', hours));

/** Says from when to when a regular pattern lasts when the hours follow each other, and lists the hours otherwise. */
function duringHours(hours: number[], firstSecond: number, lastMinute: number, lastSecond: number): string {
  if (hours.length === 24) return '';
  const [first, last] = [hours[0]!, hours.at(-1)!];
  if (last - first + 1 !== hours.length) return `, in ${unitsOf('hour', hours)}`;
  return ` from ${clock(first, 0, firstSecond)} through ${clock(last, lastMinute, lastSecond)}`;
}

/** "09:00", or "09:00:15" when the second is not 0. */
function clock(hour: number, minute: number, second: number): string {
  const parts = second === 0 ? [hour, minute] : [hour, minute, second];
  return parts.map((part) => String(part).padStart(2, '0')).join(':');
}
