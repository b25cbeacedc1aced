import { instantOf } from './apscheduler-trigger.js';
import { NotImportableError } from './import-result.js';

it.each([
  ['2026-07-01 12:00:00', '2026-07-01T10:00:00.000Z'],
  ['2026-03-29 02:30:00', '2026-03-29T01:30:00.000Z'],
  ['2026-10-25 02:30:00', '2026-10-25T00:30:00.000Z'],
  ['2026-12-24T18:00:00-0500', '2026-12-24T23:00:00.000Z'],
])('reads %s in Berlin as %s', (text, instant) => {
  expect(instantOf('run_date', text, 'Europe/Berlin')).toBe(instant);
});

it.each([
  '2030-13-01 10:00',
  '2030-00-01 10:00',
  '2030-02-30',
  '2030-02-00',
  '2030-06-01 24:00',
  '2030-06-01 10:75',
  '2030-06-01 10:00:60',
  '2030-06-01 10:00+25:00',
  '2030-06-01 10:00+01:75',
])('refuses %s, which is no time', (text) => {
  expect(() => instantOf('run_date', text, 'UTC')).toThrow(NotImportableError);
  expect(() => instantOf('run_date', text, 'UTC')).toThrow(/run_date ".*": there is no such (time|day)/);
});
