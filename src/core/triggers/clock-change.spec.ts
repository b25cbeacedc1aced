import { calendarOf } from './cron.calendar.js';
import { CronOccurrences } from './cron.trigger.js';
import { zoneOf } from './zone.js';

const gaps = ['run', 'skip', 'shift'] as const;
const repeats = ['first', 'last', 'both'] as const;
const settings = gaps.flatMap((gap) => repeats.map((repeat) => ({ gap, repeat })));

function forwards(each: CronOccurrences, from: number, to: number): string[] {
  const found: string[] = [];
  for (let at = each.next(new Date(from - 1)); at && at.getTime() <= to; at = each.next(at))
    found.push(at.toISOString());
  return found;
}

function backwards(each: CronOccurrences, from: number, to: number): string[] {
  const found: string[] = [];
  for (let at = each.previous(new Date(to + 1)); at && at.getTime() >= from; at = each.previous(at))
    found.unshift(at.toISOString());
  return found;
}

// prettier-ignore
it.each<[string, (typeof settings)[number], string, string[]]>([
  ['a fixed time in a gap, run', { gap: 'run', repeat: 'first' }, '30 2 29 3 *', ['2026-03-29T01:00']],
  ['a fixed time in a gap, skip', { gap: 'skip', repeat: 'first' }, '30 2 29 3 *', []],
  ['a fixed time in a gap, shift', { gap: 'shift', repeat: 'first' }, '30 2 29 3 *', ['2026-03-29T01:30']],
  ['a shifted time and the time that it meets', { gap: 'shift', repeat: 'first' }, '30 2,3 29 3 *', ['2026-03-29T01:30']],
  ['a shifted time before a time after the gap', { gap: 'shift', repeat: 'first' }, '10 2,4 29 3 *', ['2026-03-29T01:10', '2026-03-29T02:10']],
  ['a step in a gap, run', { gap: 'run', repeat: 'both' }, '*/30 2 29 3 *', ['2026-03-29T01:00']],
  ['a step in a gap, shift', { gap: 'shift', repeat: 'both' }, '*/30 2 29 3 *', ['2026-03-29T01:00', '2026-03-29T01:30']],
  ['a fixed time in a repeated hour, first', { gap: 'run', repeat: 'first' }, '30 2 25 10 *', ['2026-10-25T00:30']],
  ['a fixed time in a repeated hour, last', { gap: 'run', repeat: 'last' }, '30 2 25 10 *', ['2026-10-25T01:30']],
  ['a fixed time in a repeated hour, both', { gap: 'run', repeat: 'both' }, '30 2 25 10 *', ['2026-10-25T00:30', '2026-10-25T01:30']],
  ['a step in a repeated hour, first', { gap: 'skip', repeat: 'first' }, '*/30 2 25 10 *', ['2026-10-25T00:00', '2026-10-25T00:30']],
  ['a step in a repeated hour, last', { gap: 'skip', repeat: 'last' }, '*/30 2 25 10 *', ['2026-10-25T01:00', '2026-10-25T01:30']],
])('%s', (_case, clockChange, expression, expected) => {
  const occurrences = new CronOccurrences(expression, 'Europe/Berlin', clockChange);
  const instants = expected.map((text) => new Date(`${text}Z`).toISOString());
  const [from, to] = [Date.UTC(2026, 0), Date.UTC(2027, 0)];
  expect(forwards(occurrences, from, to)).toEqual(instants);
  expect(backwards(occurrences, from, to)).toEqual(instants);
});

it.each(['UTC', 'Pacific/Apia'])('no setting makes a date run that %s does not have', (timeZone) => {
  const from = Date.UTC(2011, 11, 28);
  const expected = timeZone === 'UTC' ? ['2011-12-30T12:00:00.000Z'] : [];
  for (const setting of settings)
    expect(forwards(new CronOccurrences('0 12 30 12 * ', timeZone, setting), from, Date.UTC(2012, 0, 5))).toEqual(
      expected,
    );
});

/** The occurrences in [from, to], found by looking at every minute and every local minute, without the search under test. */
function byWalking(
  expression: string,
  timeZone: string,
  { gap, repeat }: (typeof settings)[number],
  from: number,
  to: number,
) {
  const [zone, calendar] = [zoneOf(timeZone), calendarOf(expression)];
  const matches = (wall: number) => calendar.next(wall) === wall;
  const passes = new Map<number, number[]>();
  const found = new Set<number>();
  for (let at = from - HALF_A_DAY; at <= to + HALF_A_DAY; at += MINUTE) {
    const wall = at + zone.offset(at);
    passes.set(wall, [...(passes.get(wall) ?? []), at]);
    const skipped = zone.offset(at) - zone.offset(at - MINUTE);
    for (let late = skipped; late > 0; late -= MINUTE)
      if (matches(wall - late) && gap !== 'skip') found.add(gap === 'run' ? at : at + skipped - late);
  }
  for (const [wall, instants] of passes) {
    if (!matches(wall)) continue;
    const kept = { first: instants.slice(0, 1), last: instants.slice(-1), both: instants }[repeat];
    for (const at of kept) found.add(at);
  }
  return [...found]
    .filter((at) => at >= from && at <= to)
    .toSorted((one, other) => one - other)
    .map((at) => new Date(at).toISOString());
}

const MINUTE = 60_000;
const HALF_A_DAY = 720 * MINUTE;

it.each([
  ['Europe/Berlin', 2026],
  ['America/New_York', 2026],
  ['Australia/Lord_Howe', 2026],
  ['America/Sao_Paulo', 2018],
  ['Africa/Casablanca', 2026],
  ['Antarctica/Troll', 2026],
  ['America/Nuuk', 2026],
])(
  'around each change in %s in %i, each setting gives the occurrences that a walk over every minute finds',
  (timeZone, year) => {
    const zone = zoneOf(timeZone);
    let changes = 0;
    for (let change = zone.change(Date.UTC(year, 0), Date.UTC(year + 1, 0)); change !== null;) {
      changes += 1;
      const [from, to] = [change - 6 * 60 * MINUTE, change + 6 * 60 * MINUTE];
      for (const setting of settings)
        for (const expression of [
          '*/20 * * * *',
          '10,50 0-3,22-23 * * *',
          '0 0 * * *',
          '30 1,2 * * *',
          '15 */2 * * SUN',
        ]) {
          const occurrences = new CronOccurrences(expression, timeZone, setting);
          const expected = [expression, setting, ...byWalking(expression, timeZone, setting, from, to)];
          expect([expression, setting, ...forwards(occurrences, from, to)]).toEqual(expected);
          expect([expression, setting, ...backwards(occurrences, from, to)]).toEqual(expected);
        }
      change = zone.change(change, Date.UTC(year + 1, 0));
    }
    expect(changes).toBeGreaterThan(1);
  },
);
