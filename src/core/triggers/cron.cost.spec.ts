import { CronOccurrences } from './cron.trigger.js';
import { triggerInput } from './trigger.js';

const LIMIT_MS = 50;
const list = (item: string, times: number): string => Array(times).fill(item).join(',');

/** Each of them made some scheduler hang, or an earlier version of this one slow. */
const HOSTILE = [
  '* * * * * *',
  '0-59 0-59 0-23 * * *',
  '0-59 0-59 2 * * *',
  '* * 2 * 3 SUNL',
  '*/15 2 * 3 +SUNL',
  '* * * 30 12 * 2011',
  '0 0 31 2 *',
  '0 0 29 2 MON#5',
  '0 0 29 2 +MON#5',
  '* * 1 * +MON#5',
  '* * * 8-31 * +MON#1',
  '0 0 L 2 +MON#1',
  '0 0 LW 2 +SAT',
  '0 0 1W 2 +SUN',
  '0 0 30,31 2 +1-5',
  '59 59 23 31 12 * 9999',
  '0 0 0 29 2 * 9996',
  '0 0 0 22-28 2 +MON#5 2000-9000',
  '0 0 0 31 2,4,6,9,11 * 1970-9999',
  '0 0 0 2-30/2 1-11/2 +1-6 1970-9999',
  `0 0 0 * * * ${list('1-9999/1', 26)}`,
  `0 0 0 29 2 * ${list('1971-9999/2', 19)}`,
  `${list('*/1', 59)} * * * *`,
  `${'#'.repeat(240)} * * * *`,
  `0 0 * * ${'-sun'.repeat(60)}`,
];
const ZONES = ['UTC', 'Europe/Berlin', 'Pacific/Apia', 'Africa/Casablanca'];
const INSTANTS = [
  '1970-01-01T00:00:00Z',
  '2011-12-30T09:59:59Z',
  '2011-12-30T10:00:00Z',
  '2026-01-01T00:00:00Z',
  '2026-03-29T00:59:59Z',
  '2026-03-29T01:00:00Z',
  '2026-10-25T00:30:00Z',
  '5000-06-01T00:00:00Z',
  '9999-12-31T23:59:59Z',
].map((text) => new Date(text));

/** Milliseconds of CPU time, the best of three, so that other load on the machine does not count. */
function cost(act: () => unknown): number {
  const times = [1, 2, 3].map(() => {
    const start = process.cpuUsage();
    act();
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1000;
  });
  return Math.min(...times);
}

describe.each(HOSTILE)('%s', (expression) => {
  it('is validated, with its jitter, within 50 ms', () => {
    let spaces = 0;
    // Spaces make each text different, since parsed expressions are cached.
    const validate = () =>
      triggerInput.safeParse({ type: 'cron', expression: expression + ' '.repeat(spaces++), jitterSeconds: 0.5 });
    expect(cost(validate)).toBeLessThan(LIMIT_MS);
  });

  if (triggerInput.safeParse({ type: 'cron', expression }).success) {
    it.each(ZONES)('is computed within 50 ms in %s', (timeZone) => {
      const occurrences = new CronOccurrences(expression, timeZone);
      for (const instant of INSTANTS) {
        expect(cost(() => occurrences.next(instant))).toBeLessThan(LIMIT_MS);
        expect(cost(() => occurrences.previous(instant))).toBeLessThan(LIMIT_MS);
      }
    });
  }
});

const timers = () => process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;

it('sets no timer', () => {
  const before = timers();
  new CronOccurrences('* * * * *', 'UTC').next(new Date(0));
  expect(timers()).toBe(before);
});
