import { BY_CRON_RULE } from './clock-change.js';
import { describeTrigger } from './describe-trigger.js';
import { notesOf } from './trigger-notes.js';
import { completeTrigger, type TriggerInput } from './trigger.js';

const JANUARY = new Date('2026-01-01T00:00:00Z');
const complete = (input: TriggerInput) => completeTrigger(input, { timeZone: 'Europe/Berlin', createdAt: JANUARY });

it.each<[TriggerInput, string]>([
  [{ type: 'cron', expression: '0 9 * * MON-FRI' }, 'At 09:00, Monday through Friday (Europe/Berlin)'],
  [{ type: 'cron', expression: '0 0 1 * MON' }, 'At 00:00, on day 1 of the month, or on Monday (Europe/Berlin)'],
  [{ type: 'cron', expression: '0 0 1 * +MON' }, 'At 00:00, on day 1 of the month, but only on Monday (Europe/Berlin)'],
  [{ type: 'cron', expression: '@daily', jitterSeconds: 5 }, 'At 00:00 (Europe/Berlin), delayed by up to 5 seconds'],
  [{ type: 'cron', expression: '@daily', jitterSeconds: 1 }, 'At 00:00 (Europe/Berlin), delayed by up to 1 second'],
  [{ type: 'cron', expression: '0 0 * * MON#L' }, 'At 00:00, on the last Monday of the month (Europe/Berlin)'],
  [{ type: 'cron', expression: '0 0 */1 * 3' }, 'At 00:00, every day (Europe/Berlin)'],
  [
    { type: 'cron', expression: '0 0 15w * *' },
    'At 00:00, on the weekday nearest to day 15 of the month (Europe/Berlin)',
  ],
  [{ type: 'cron', expression: '0 10 * * ? *' }, 'At minute 10 of every hour (Europe/Berlin)'],
  [{ type: 'cron', expression: '*/45 * * * *' }, 'At minutes 0 and 45 of every hour (Europe/Berlin)'],
  [{ type: 'cron', expression: '*/5 9-17 * * *' }, 'Every 5 minutes from 09:00 through 17:55 (Europe/Berlin)'],
  [{ type: 'interval', everySeconds: 30 }, 'Every 30 seconds'],
  [{ type: 'interval', everySeconds: 0.5 }, 'Every 0.5 seconds'],
  [{ type: 'interval', everySeconds: 60 }, 'Every minute'],
  [
    { type: 'interval', everySeconds: 5400, endAt: '2027-01-01T00:00:00Z' },
    'Every 90 minutes, until 2027-01-01T00:00:00.000Z',
  ],
  [{ type: 'interval', everySeconds: 172_800 }, 'Every 2 days'],
  [{ type: 'date', at: '2026-12-24T18:00:00Z' }, 'Once, at 2026-12-24T18:00:00.000Z'],
])('describes %j', (input, words) => {
  expect(describeTrigger(complete(input))).toBe(words);
});

it.each<[string, TriggerInput, string[]]>([
  ['a fixed time in a zone with DST', { type: 'cron', expression: '0 9 * * *' }, ['runs right after that hour']],
  [
    'a wildcard in a zone with DST',
    { type: 'cron', expression: '*/5 * * * *' },
    ['does not run, and a time in the repeated hour runs in both passes'],
  ],
  ['a zone without DST', { type: 'cron', expression: '0 9 * * *', timeZone: 'Asia/Tokyo' }, []],
  ['either day', { type: 'cron', expression: '0 0 1 * MON', timeZone: 'UTC' }, ['either matches']],
  ['both days', { type: 'cron', expression: '0 0 1 * +MON', timeZone: 'UTC' }, []],
  [
    'an interval',
    { type: 'interval', everySeconds: 30 },
    ['The grid is fixed at 2026-01-01T00:00:00.000Z. It does not drift, and restarts and deploys do not move it.'],
  ],
  [
    'an interval that starts at its anchor',
    { type: 'interval', everySeconds: 30, startAt: '2026-05-01T00:00:00Z' },
    ['The grid is fixed at its startAt, 2026-05-01T00:00:00.000Z. It does not drift'],
  ],
  ['a date', { type: 'date', at: '2026-12-24T18:00:00Z' }, []],
  ['a step that divides', { type: 'cron', expression: '*/15 */6 * * *', timeZone: 'UTC' }, []],
  [
    'a zone an hour behind UTC',
    { type: 'cron', expression: '0 9 * * *', timeZone: 'Etc/GMT+1' },
    [' is 1 hour behind UTC'],
  ],
  ['a zone behind UTC', { type: 'cron', expression: '0 9 * * *', timeZone: 'Etc/GMT+5' }, ['5 hours behind UTC']],
  ['a zone ahead of UTC', { type: 'cron', expression: '0 9 * * *', timeZone: 'Etc/GMT-14' }, ['14 hours ahead of UTC']],
])('notes on %s', (_case, input, notes) => {
  expect(notesOf({ trigger: complete(input), clockChange: BY_CRON_RULE }, [JANUARY])).toEqual(
    notes.map((note) => expect.stringContaining(note)),
  );
});

it.each<TriggerInput>([
  { type: 'cron', expression: '0 0 0 1 1 * 2020', timeZone: 'UTC' },
  { type: 'date', at: '2020-01-01T00:00:00Z' },
  { type: 'interval', everySeconds: 30, endAt: '2020-01-01T00:00:00Z' },
])('notes that %j has no occurrence after the time of the preview', (input) => {
  expect(notesOf({ trigger: complete(input), clockChange: BY_CRON_RULE }, [])).toContain(
    'There is no occurrence after that time.',
  );
});
