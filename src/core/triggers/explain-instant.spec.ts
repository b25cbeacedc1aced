import { BY_CRON_RULE, type ClockChange } from './clock-change.js';
import { explainInstant } from './explain-instant.js';
import type { TriggerDefinition } from './trigger.js';

const bounds = { startAt: null, endAt: null, jitterSeconds: 0 };
const cron = (expression: string, timeZone = 'UTC', more = {}): TriggerDefinition => ({
  type: 'cron',
  expression,
  timeZone,
  ...bounds,
  ...more,
});
const explain = (trigger: TriggerDefinition, at: string, clockChange: Partial<ClockChange> = {}) =>
  explainInstant({ trigger, clockChange: { ...BY_CRON_RULE, ...clockChange } }, 'seed', Date.parse(at));
const minutely: TriggerDefinition = {
  type: 'interval',
  everySeconds: 60,
  anchor: '2026-01-01T00:00:00.000Z',
  ...bounds,
};

describe('why an instant is no occurrence', () => {
  it.each<[string, TriggerDefinition, string, [string, RegExp][]]>([
    ['the minute', cron('0,30 * * * *'), '2026-06-01T12:05:00Z', [['field', /^The minute is 5, and "0,30"/]]],
    [
      'the hour and the second',
      cron('0 9 * * *'),
      '2026-06-01T12:00:01Z',
      [
        ['field', /second is 1/],
        ['field', /hour is 12/],
      ],
    ],
    ['the hour in the zone', cron('0 9 * * *', 'Europe/Berlin'), '2026-06-01T09:00:00Z', [['field', /hour is 11/]]],
    [
      'the day of the week',
      cron('0 9 * * MON-FRI'),
      '2026-06-06T09:00:00Z',
      [['day', /2026-06-06, a Saturday, .*"\* \* MON-FRI"/]],
    ],
    ['a nickname', cron('@hourly'), '2026-06-01T12:05:00Z', [['field', /minute is 5, and "@hourly"/]]],
    ['a part of a second', cron('* * * * * *'), '2026-06-01T12:05:00.500Z', [['field', /full seconds/]]],
    ['the grid', minutely, '2026-06-01T12:00:07Z', [['grid', /7 s after/]]],
    ['a date', { type: 'date', at: '2026-06-01T12:00:00.000Z' }, '2026-06-01T11:00:07Z', [['date', /once, at 2026/]]],
    [
      'the start',
      cron('0 * * * *', 'UTC', { startAt: '2026-06-02T00:00:00.000Z' }),
      '2026-06-01T12:00:00Z',
      [['before_start', /begins at/]],
    ],
    [
      'the end',
      cron('0 * * * *', 'UTC', { endAt: '2026-05-02T00:00:00.000Z' }),
      '2026-06-01T12:00:00Z',
      [['after_end', /ended at/]],
    ],
    [
      'a gap',
      cron('30 2 * * *', 'Europe/Berlin'),
      '2026-03-29T01:30:00Z',
      [['clock_gap', /02:30:00 did not exist.*at 2026-03-29T01:00/]],
    ],
    ['a gap with a star', cron('30 * * * *', 'Europe/Berlin'), '2026-03-29T01:31:00Z', [['field', /minute is 31/]]],
    [
      'a repeated time',
      cron('30 2 * * *', 'Europe/Berlin'),
      '2026-10-25T01:30:00Z',
      [['clock_repeat', /came twice.*2026-10-25T00:30/]],
    ],
  ])('%s', (_case, trigger, at, faults) => {
    const explained = explain(trigger, at);
    expect(explained.isOccurrence).toBe(false);
    expect(explained.faults).toEqual(
      faults.map(([code, text]) => expect.objectContaining({ code, text: expect.stringMatching(text) })),
    );
  });

  it.each<[string, Partial<ClockChange>, string, [string, RegExp][]]>([
    ['a gap, skip', { gap: 'skip' }, '2026-03-29T01:30:00Z', [['clock_gap', /02:30:00 did not exist.*it did not run/]]],
    ['a gap, shift', { gap: 'shift' }, '2026-03-29T01:30:00Z', []],
    ['the first pass', { repeat: 'last' }, '2026-10-25T00:30:00Z', [['clock_repeat', /last time, 2026-10-25T01:30/]]],
    ['either pass', { repeat: 'both' }, '2026-10-25T01:30:00Z', []],
  ])('%s', (_case, clockChange, at, faults) => {
    const explained = explain(cron('30 2 * * *', 'Europe/Berlin'), at, clockChange);
    expect(explained.isOccurrence).toBe(faults.length === 0);
    expect(explained.faults).toEqual(
      faults.map(([code, text]) => expect.objectContaining({ code, text: expect.stringMatching(text) })),
    );
  });

  it('nothing, for an occurrence, which has its neighbours', () => {
    expect(explain(cron('0 9 * * *'), '2026-06-01T09:00:00Z')).toEqual({
      isOccurrence: true,
      due: Date.parse('2026-06-01T09:00:00Z'),
      before: Date.parse('2026-05-31T09:00:00Z'),
      after: Date.parse('2026-06-02T09:00:00Z'),
      faults: [],
    });
  });
});
