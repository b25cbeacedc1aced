import * as fc from 'fast-check';
import type { TriggerDefinition } from '../../src/core/triggers/trigger.js';
import { DAY, zoneOf } from '../../src/core/triggers/zone.js';

/** Parameters for this many cases. The variable `SEED` repeats those of a failed property, which prints its seed. */
export const cases = (runs: number): fc.Parameters<unknown> => ({
  numRuns: runs,
  ...(process.env['SEED'] && { seed: Number(process.env['SEED']) }),
});

const MONTHS = ['JAN', 'FEB', 'mar', 'APR', 'May', 'JUN', 'jul', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const WEEKDAYS = ['SUN', 'mon', 'TUE', 'Wed', 'THU', 'FRI', 'SAT'];

/** A cron expression of any form, most often near an hour of the day. Some never fire, such as those for 31 February. */
export function cronExpression(hour: number): fc.Arbitrary<string> {
  const hours = fc.oneof(field(0, 23), field(Math.max(0, hour - 1), Math.min(23, hour + 1)));
  const months = fc.oneof(field(1, 12), fc.subarray(MONTHS, { minLength: 1, maxLength: 3 }).map(joined));
  const five = fc.tuple(field(0, 59), hours, datesOfMonth(), fc.oneof(anything, months), daysOfWeek());
  const fields = fc.oneof(
    five,
    fc.tuple(field(0, 59), five).map(([second, rest]) => [second, ...rest]),
    fc.tuple(field(0, 59), five, field(1995, 2040)).map(([second, rest, year]) => [second, ...rest, year]),
  );
  return fc.oneof({ weight: 20, arbitrary: fields.map((texts) => texts.join(' ')) }, nickname);
}

const nickname = fc.constantFrom('@hourly', '@daily', '@midnight', '@weekly', '@monthly', '@yearly', '@annually');
const anything = fc.constantFrom('*', '*', '?');
const joined = (items: string[]) => items.join(',');
const within = (least: number, most: number) => fc.integer({ min: least, max: most });

/** `*`, or a list of numbers, ranges and steps. */
function field(least: number, most: number): fc.Arbitrary<string> {
  const value = fc.oneof(within(least, most), fc.constantFrom(least, most));
  const range = fc.tuple(value, value).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`);
  const step = within(1, Math.min(most, 30));
  const item = fc.oneof(
    { weight: 3, arbitrary: value.map(String) },
    range,
    fc.tuple(fc.oneof(range, value, fc.constant('*')), step).map(([from, by]) => `${from}/${by}`),
  );
  return fc.oneof(anything, { weight: 2, arbitrary: fc.array(item, { minLength: 1, maxLength: 3 }).map(joined) });
}

function datesOfMonth(): fc.Arbitrary<string> {
  const item = fc.oneof(
    within(1, 31).map(String),
    fc.constant('L'),
    fc.tuple(within(1, 31), fc.constantFrom('W', 'w')).map(([day, letter]) => `${day}${letter}`),
  );
  const special = fc.array(item, { minLength: 1, maxLength: 3 }).map(joined);
  return fc.oneof({ weight: 2, arbitrary: anything }, field(1, 31), special, fc.constant('LW'));
}

function daysOfWeek(): fc.Arbitrary<string> {
  const name = fc.constantFrom(...WEEKDAYS);
  const day = fc.oneof(within(0, 7).map(String), name);
  const range = fc
    .tuple(within(0, 6), within(0, 6))
    .map(([a, b]) => `${WEEKDAYS[Math.min(a, b)]}-${WEEKDAYS[Math.max(a, b)]}`);
  const item = fc.oneof(
    day,
    range,
    fc.constantFrom('FRI-SUN', '1-5', '0-7', '*', '*/1', '*/2', '*/3', 'MON-FRI/2'),
    fc
      .tuple(fc.oneof(day, range), fc.oneof(within(1, 5), fc.constantFrom('L', 'l')))
      .map(([on, nth]) => `${on}#${nth}`),
    fc.tuple(fc.oneof(day, range), fc.constantFrom('L', 'l')).map(([on, last]) => `${on}${last}`),
  );
  const list = fc
    .tuple(fc.constantFrom('', '+'), fc.array(item, { minLength: 1, maxLength: 3 }))
    .map(([plus, items]) => plus + joined(items));
  return fc.oneof({ weight: 2, arbitrary: anything }, list);
}

/** An instant, most often within hours of a clock change of the zone. */
export function instantIn(timeZone: string): fc.Arbitrary<Date> {
  const near = fc.oneof(within(-4 * 3_600_000, 4 * 3_600_000), within(-2 * DAY, 2 * DAY), within(-2_000, 2_000));
  return fc
    .tuple(within(0, Date.UTC(2037, 0) / DAY), near)
    .map(([day, distance]) => new Date(Math.max(0, changeAfter(timeZone, day * DAY) + distance)));
}

/** The first change of the offset within 400 days after `instant`, or else `instant`. */
function changeAfter(timeZone: string, instant: number): number {
  const zone = zoneOf(timeZone);
  const offset = zone.offset(instant);
  for (let at = instant; at < instant + 400 * DAY; at += 20 * DAY)
    if (zone.offset(at + 20 * DAY) !== offset) return zone.change(at, at + 20 * DAY) ?? instant;
  return instant;
}

/** A trigger of any type near an instant, with or without bounds. */
export function triggerNear(timeZone: string, around: Date): fc.Arbitrary<TriggerDefinition> {
  const hour = new Date(around.getTime() + zoneOf(timeZone).offset(around.getTime())).getUTCHours();
  const at = (distance: number) => new Date(Math.max(0, around.getTime() + distance)).toISOString();
  const repeating = {
    startAt: fc.option(fc.oneof(fc.constant(0), within(-400 * DAY, DAY)).map(at), { freq: 2 }),
    endAt: fc.option(fc.oneof(fc.constant(DAY), within(DAY, 400 * DAY)).map(at), { freq: 2 }),
    jitterSeconds: fc.oneof(fc.constant(0), within(1, 7_200_000).map(asSeconds)),
  };
  const everyMs = fc.oneof(within(100, 10_000), within(100, 7_200_000), within(100, 400 * DAY));
  const cron = {
    type: fc.constant('cron' as const),
    expression: cronExpression(hour),
    timeZone: fc.constant(timeZone),
  };
  const interval = {
    type: fc.constant('interval' as const),
    everySeconds: everyMs.map(asSeconds),
    anchor: fc.oneof(fc.constant(0), within(-400 * DAY, 400 * DAY)).map(at),
  };
  return fc.oneof(
    { weight: 8, arbitrary: fc.record({ ...cron, ...repeating }) },
    { weight: 3, arbitrary: fc.record({ ...interval, ...repeating }) },
    fc.record({ type: fc.constant('date' as const), at: within(-DAY, DAY).map(at) }),
  );
}

const asSeconds = (milliseconds: number) => milliseconds / 1000;
