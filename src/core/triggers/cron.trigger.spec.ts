import { Cron } from 'croner';
import { existsSync, readFileSync } from 'node:fs';
import { calendarOf } from './cron.calendar.js';
import { CronOccurrences } from './cron.trigger.js';
import { DAY, zoneOf } from './zone.js';

type Case = [name: string, expression: string, timeZone: string, from: string, to: string, occurrences: string[]];

// prettier-ignore
const OWN: Case[] = [
  ['a time in the gap runs right after it', '30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00', '2026-03-30T12:00', ['2026-03-29T01:00', '2026-03-30T00:30']],
  ['two times in the gap run once', '10,50 2 * * *', 'Europe/Berlin', '2026-03-29T00:00', '2026-03-29T12:00', ['2026-03-29T01:00']],
  ['a time in the gap and the time at its end run once', '0 2,3 * * *', 'Europe/Berlin', '2026-03-29T00:00', '2026-03-29T12:00', ['2026-03-29T01:00']],
  ['a step inside the gap does not run', '*/15 2 * * *', 'Europe/Berlin', '2026-03-29T00:00', '2026-03-29T12:00', []],
  ['a repeated time runs once', '30 1 * * *', 'America/New_York', '2026-11-01T00:00', '2026-11-01T12:00', ['2026-11-01T05:30']],
  ['a repeated step runs in both passes', '*/30 1 * * *', 'America/New_York', '2026-11-01T00:00', '2026-11-01T12:00', ['2026-11-01T05:00', '2026-11-01T05:30', '2026-11-01T06:00', '2026-11-01T06:30']],
  ['a list before and after the gap', '30 2,3 * * *', 'America/New_York', '2026-03-08T05:00', '2026-03-08T12:00', ['2026-03-08T07:00', '2026-03-08T07:30']],
  ['a gap of half an hour', '15 2 * * *', 'Australia/Lord_Howe', '2026-10-03T12:00', '2026-10-04T18:00', ['2026-10-03T15:30', '2026-10-04T15:15']],
  ['a repeated half hour, fixed', '45 1 * * *', 'Australia/Lord_Howe', '2026-04-04T12:00', '2026-04-04T20:00', ['2026-04-04T14:45']],
  ['a repeated half hour, with a wildcard', '45 * * * *', 'Australia/Lord_Howe', '2026-04-04T14:00', '2026-04-04T16:30', ['2026-04-04T14:45', '2026-04-04T15:15', '2026-04-04T16:15']],
  ['a gap at midnight', '0 0 * * *', 'America/Sao_Paulo', '2018-11-03T00:00', '2018-11-05T12:00', ['2018-11-03T03:00', '2018-11-04T03:00', '2018-11-05T02:00']],
  ['a gap up to midnight', '30 23 * * *', 'America/Nuuk', '2026-03-28T00:00', '2026-03-30T12:00', ['2026-03-28T01:30', '2026-03-29T01:00', '2026-03-30T00:30']],
  ['a skipped date', '30 2 * * *', 'Pacific/Apia', '2011-12-29T11:00', '2011-12-31T12:00', ['2011-12-29T12:30', '2011-12-30T12:30']],
  ['an occurrence on a skipped date', '0 12 30 12 *', 'Pacific/Apia', '2010-12-31T12:00', '2012-12-31T00:00', ['2012-12-29T22:00']],
  ['a wildcard that ends inside the second pass', '0 */30 2 25 10 * 2026', 'Europe/Berlin', '2026-10-25T00:30', '2027-10-25T00:30', ['2026-10-25T00:30', '2026-10-25T01:00', '2026-10-25T01:30']],
];

const FILE = new URL('../../../../shared/vectors/dst-vixie.json', import.meta.url);

interface Vector {
  timeZone: string;
  transition: string;
  expression: string;
  from: string;
  to: string;
  occurrences: string[];
}

function vectors(): Case[] {
  if (!existsSync(FILE)) return [];
  const { cases }: { cases: Vector[] } = JSON.parse(readFileSync(FILE, 'utf8'));
  return cases.map((each) => [each.transition, each.expression, each.timeZone, each.from, each.to, each.occurrences]);
}

const utc = (text: string): Date => new Date(text.endsWith('Z') ? text : `${text}Z`);

function forwards(each: Pick<CronOccurrences, 'next'>, from: Date, to: Date): string[] {
  const found: string[] = [];
  for (let at = each.next(new Date(+from - 1)); at && at <= to; at = each.next(at)) found.push(at.toISOString());
  return found;
}

function backwards(each: Pick<CronOccurrences, 'previous'>, from: Date, to: Date): string[] {
  const found: string[] = [];
  for (let at = each.previous(new Date(+to + 1)); at && at >= from; at = each.previous(at))
    found.unshift(at.toISOString());
  return found;
}

describe('cron occurrences around DST changes', () => {
  it.each([...OWN, ...vectors()])('%s: %s in %s', (_name, expression, timeZone, from, to, expected) => {
    const occurrences = new CronOccurrences(expression, timeZone);
    const instants = expected.map((text) => utc(text).toISOString());
    expect(forwards(occurrences, utc(from), utc(to))).toEqual(instants);
    expect(backwards(occurrences, utc(from), utc(to))).toEqual(instants);
    expect(occurrences.count(utc(from), utc(to), 10_000)).toBe(instants.length);
  });

  const zones = [
    'Europe/Berlin',
    'America/New_York',
    'Australia/Lord_Howe',
    'America/Sao_Paulo',
    'Africa/Casablanca',
    'Africa/Cairo',
    'Europe/Dublin',
    'Antarctica/Troll',
    'America/St_Johns',
    'Asia/Gaza',
  ];
  const expressions = [
    '0 * * * *',
    '*/15 * * * *',
    '30 0,1,2,3 * * *',
    '0 0 * * *',
    '*/20 0-3 * * SUN',
    '59 23 L * *',
    '0 */10 1-3 * * *',
  ];
  it.each(zones)('match those of croner around each change in %s, forwards and backwards', (timeZone) => {
    const zone = zoneOf(timeZone);
    let change = zone.change(Date.UTC(2016, 0), Date.UTC(2027, 0));
    let changes = 0;
    for (; change !== null; change = zone.change(change, Date.UTC(2027, 0))) {
      changes += 1;
      const [from, to] = [new Date(change - 5 * 3_600_000), new Date(change + 5 * 3_600_000)];
      for (const expression of expressions) {
        const croner = new Cron(expression, { timezone: timeZone, fixedTimeRule: 'no-wildcard', sloppyRanges: true });
        const occurrences = new CronOccurrences(expression, timeZone);
        const expected = forwards({ next: (after) => croner.nextRun(after) }, from, to);
        expect([expression, from, ...forwards(occurrences, from, to)]).toEqual([expression, from, ...expected]);
        expect([expression, from, ...backwards(occurrences, from, to)]).toEqual([expression, from, ...expected]);
      }
    }
    expect(changes).toBeGreaterThan(4);
  });
});

describe('the range of cron occurrences', () => {
  it('is 1970 to 9999', () => {
    const daily = new CronOccurrences('0 0 * * *', 'UTC');
    expect(daily.next(new Date(-9 * DAY))?.toISOString()).toBe('1970-01-01T00:00:00.000Z');
    expect(daily.previous(new Date(0))).toBeNull();
    expect(daily.next(new Date('9999-12-31T00:00:00Z'))).toBeNull();
    expect(daily.previous(new Date(8.64e15))?.toISOString()).toBe('9999-12-31T00:00:00.000Z');
  });

  it('ends with the last year of the expression, and begins with its first', () => {
    const occurrences = new CronOccurrences('0 0 0 1 1 * 2020', 'Europe/Berlin');
    expect(occurrences.next(new Date('2019-12-31T23:00:00Z'))).toBeNull();
    expect(occurrences.previous(new Date('2026-01-01T00:00:00Z'))?.toISOString()).toBe('2019-12-31T23:00:00.000Z');
    expect(occurrences.previous(new Date('2019-12-31T23:00:00Z'))).toBeNull();
  });

  it('is counted up to the limit', () => {
    const everySecond = new CronOccurrences('* * * * * *', 'UTC');
    const [from, to] = [new Date('2026-01-01T00:00:00Z'), new Date('2026-01-01T00:00:09Z')];
    expect(everySecond.count(from, to, 10)).toBe(10);
    expect(everySecond.count(from, to, 9)).toBeNull();
  });
});

describe('the calendar of an expression', () => {
  it('is computed once', () => {
    expect(calendarOf('7 7 7 7 *')).toBe(calendarOf('7 7 7 7 *'));
  });

  it('is rejected each time when the expression is invalid', () => {
    for (let time = 0; time < 2; time += 1) expect(() => calendarOf('7 7 7 77 *')).toThrow('The month "77"');
  });
});
