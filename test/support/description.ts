/** Reads the description of a cron trigger back. It shares no code with `src`, so that it can check what is said there. */
export interface Meaning {
  /** Whether the trigger fires at this time of day, in seconds since midnight, on a day on which it fires. */
  time(second: number): boolean;
  day(date: Date): boolean;
}

const NUMBERS = String.raw`\d+(?: through \d+)?(?:(?:, | and )\d+(?: through \d+)?)*`;
const CLOCK = String.raw`\d\d:\d\d(?::\d\d)?`;
const unit = (name: string) => String.raw`(every \d+(?:st|nd|rd|th) ${name} from \d+ through \d+|${name}s? ${NUMBERS})`;
const WEEKDAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];
const ORDINALS = ['first', 'second', 'third', 'fourth', 'fifth', 'last'];
const names = (each: string[]) => {
  const name = `(?:${each.join('|')})`;
  return `${name}(?: through ${name})?(?:(?:, | and )${name}(?: through ${name})?)*`;
};

/** Throws when a part of the text is not understood. */
export function meaningOf(description: string): Meaning {
  const text = new Text(description.replace(/ \(UTC\)$/, ''));
  const time = timeIn(text);
  const days = daysIn(text);
  const months = monthsIn(text);
  const years = yearsIn(text);
  text.expectEnd();
  return {
    time,
    day: (date) => days(date) && months(date.getUTCMonth()) && years(date.getUTCFullYear()),
  };
}

class Text {
  constructor(private rest: string) {}

  take(pattern: string): RegExpMatchArray | null {
    const match = this.rest.match(new RegExp(`^${pattern}`));
    if (match) this.rest = this.rest.slice(match[0].length);
    return match;
  }

  expectEnd(): void {
    if (this.rest !== '') throw new Error(`Not understood: "${this.rest}"`);
  }
}

function timeIn(text: Text): (second: number) => boolean {
  const list = text.take(`At (${CLOCK}(?:(?:, | and )${CLOCK})*)`);
  if (list) {
    const times = new Set(list[1]!.split(/, | and /).map(secondOf));
    return (second) => times.has(second);
  }
  const hourly = text.take(`Every (?:hour|(\\d+) hours)(?: from (${CLOCK})(?: through (${CLOCK}))?)?`);
  if (hourly) return every(3600, hourly[1], hourly[2], hourly[3]);
  return finerThanHours(text);
}

function finerThanHours(text: Text): (second: number) => boolean {
  const regular = text.take(`Every (?:(\\d+) )?(minute|second)s?`);
  const single = regular ? null : text.take(`At ${unit('minute')}`);
  const seconds = regular || single ? null : text.take(`At ${unit('second')}( of every minute)?`);
  const minutes = regular?.[2] === 'second' || seconds ? text.take(`, in ${unit('minute')}`) : null;
  if (!regular && !single && !seconds) throw new Error('Not understood: no time of day');
  if (seconds && !minutes && !seconds[2]) throw new Error('The minutes are missing');
  const minute = single && numbers(single[1]!);
  const base = (first: string | undefined, last: string | undefined): ((second: number) => boolean) => {
    if (regular) return every(regular[2] === 'minute' ? 60 : 1, regular[1], first, last);
    if (minute) return (second) => second % 60 === 0 && minute.has(Math.floor(second / 60) % 60);
    const accepted = numbers(seconds![1]!);
    const inside = first ? [secondOf(first), secondOf(last!)] : [0, 86_399];
    return (second) => accepted.has(second % 60) && second >= inside[0]! && second <= inside[1]!;
  };
  const range = text.take(` from (${CLOCK}) through (${CLOCK})`);
  const ofHours = range ? null : (text.take(' of (every hour)') ?? text.take(`(?:, in| of) ${unit('hour')}`));
  const hours = ofHours && ofHours[1] !== 'every hour' ? numbers(ofHours[1]!) : null;
  const accepted = minutes && numbers(minutes[1]!);
  const matches = base(range?.[1], range?.[2]);
  return (second) =>
    matches(second) &&
    (!hours || hours.has(Math.floor(second / 3600))) &&
    (!accepted || accepted.has(Math.floor(second / 60) % 60));
}

/** A range must end with an occurrence, or the text says more than is true. */
function every(size: number, count = '1', first = '00:00', last?: string): (second: number) => boolean {
  const [step, start, end] = [size * Number(count), secondOf(first), last ? secondOf(last) : 86_399];
  if (last && (end - start) % step !== 0) throw new Error(`Nothing happens at ${last}`);
  if (!last && 86_400 % step !== 0) throw new Error(`${step} seconds do not divide a day`);
  return (second) => second >= start && second <= end && (second - start) % step === 0;
}

function secondOf(clock: string): number {
  const [hour, minute, second = '0'] = clock.split(':');
  return Number(hour) * 3600 + Number(minute) * 60 + Number(second);
}

/** The numbers of "minute 5", "days 1, 5 through 9 and 12", "every 7th minute from 0 through 56" or "2027". */
function numbers(text: string): Set<number> {
  const found = new Set<number>();
  const steps = text.match(/every (\d+)(?:st|nd|rd|th) \w+ from (\d+) through (\d+)/);
  const ranges = steps
    ? [steps.slice(2)]
    : text
        .replace(/^[a-z]+ /, '')
        .split(/, | and /)
        .map((each) => each.split(' through '));
  const step = steps ? Number(steps[1]) : 1;
  for (const [from, to = from] of ranges) {
    if ((Number(to) - Number(from)) % step !== 0) throw new Error(`${to} is not reached`);
    for (let number = Number(from); number <= Number(to); number += step) found.add(number);
  }
  return found;
}

type Days = (date: Date) => boolean;

function daysIn(text: Text): Days {
  if (text.take(', every day')) return () => true;
  const dates = phrases(text, ', ', dateIn);
  if (!dates) return phrases(text, ', ', weekdayIn) ?? (() => true);
  const either = phrases(text, ', or ', weekdayIn);
  if (either) return (date) => dates(date) || either(date);
  const only = phrases(text, ', but only ', weekdayIn);
  return only ? (date) => dates(date) && only(date) : dates;
}

/** Phrases that are joined by commas and "and". A day matches when it matches one of them. */
function phrases(text: Text, before: string, read: (text: Text, before: string) => Days | null): Days | null {
  const first = read(text, before);
  if (!first) return null;
  const all = [first];
  for (let next = first as Days | null; next;) {
    next = read(text, ' and ') ?? read(text, ', ');
    if (next) all.push(next);
  }
  return (date) => all.some((each) => each(date));
}

function dateIn(text: Text, before: string): Days | null {
  const days = text.take(`${before}on ${unit('day')} of the month`);
  if (days) {
    const accepted = numbers(days[1]!);
    return (date) => accepted.has(date.getUTCDate());
  }
  const nearest = text.take(`${before}on the weekday nearest to ${unit('day')} of the month`);
  if (nearest) {
    const accepted = [...numbers(nearest[1]!)];
    return (date) => accepted.some((day) => nearestTo(day, date) === date.getUTCDate());
  }
  if (text.take(`${before}on the last day of the month`)) return (date) => date.getUTCDate() === lengthOf(date);
  if (text.take(`${before}on the last weekday of the month`))
    return (date) => nearestTo(lengthOf(date), date) === date.getUTCDate();
  return null;
}

const lengthOf = (date: Date): number =>
  new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();

/** The day from Monday to Friday that is nearest to a day of the month of `date` and in that month. */
function nearestTo(day: number, date: Date): number | null {
  const length = lengthOf(date);
  if (day > length) return null;
  const candidates = [day, day - 1, day + 1, day - 2, day + 2].filter((each) => each >= 1 && each <= length);
  const isWeekday = (each: number) =>
    ![0, 6].includes(new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), each)).getUTCDay());
  return candidates.find(isWeekday)!;
}

function weekdayIn(text: Text, before: string): Days | null {
  const nth = text.take(
    `${before}on the ((?:${ORDINALS.join('|')})(?:(?:, | and )(?:${ORDINALS.join('|')}))*) (${names(WEEKDAYS)}) of the month`,
  );
  if (nth) {
    const ordinals = nth[1]!.split(/, | and /);
    const weekdays = indexes(nth[2]!, WEEKDAYS);
    return (date) =>
      weekdays.has(date.getUTCDay()) &&
      (ordinals.includes(ORDINALS[Math.floor((date.getUTCDate() - 1) / 7)]!) ||
        (ordinals.includes('last') && date.getUTCDate() > lengthOf(date) - 7));
  }
  const each = text.take(`${before}(?:on )?(${names(WEEKDAYS)})`);
  if (!each) return null;
  const weekdays = indexes(each[1]!, WEEKDAYS);
  return (date) => weekdays.has(date.getUTCDay());
}

function monthsIn(text: Text): (month: number) => boolean {
  const match = text.take(`, (?:in )?(${names(MONTHS)})`);
  const months = match && indexes(match[1]!, MONTHS);
  return (month) => months?.has(month) ?? true;
}

function yearsIn(text: Text): (year: number) => boolean {
  const match = text.take(String.raw`, in (every \d+(?:st|nd|rd|th) year from \d+ through \d+|${NUMBERS})`);
  const years = match && numbers(match[1]!);
  return (year) => years?.has(year) ?? true;
}

/** The indexes of names. A range may go over the end of the list: Friday through Sunday. */
function indexes(text: string, list: string[]): Set<number> {
  const found = new Set<number>();
  for (const range of text.split(/, | and /)) {
    const [from, to = from] = range.split(' through ').map((name) => list.indexOf(name));
    for (let index = from!; ; index = (index + 1) % list.length) {
      found.add(index);
      if (index === to) break;
    }
  }
  return found;
}
