import { BY_CRON_RULE } from './clock-change.js';
import { completeTrigger, openTrigger, triggerInput, type TriggerDefinition, type TriggerInput } from './trigger.js';

const DEFAULTS = { timeZone: 'Europe/Berlin', createdAt: new Date('2026-01-01T00:00:00.123Z') };
const cron = (expression: string, more = {}): TriggerInput => ({ type: 'cron', expression, ...more });
const open = (input: TriggerInput, seed = 'job') =>
  openTrigger({ trigger: completeTrigger(input, DEFAULTS), clockChange: BY_CRON_RULE }, seed);

describe('completeTrigger', () => {
  it.each<[string, TriggerInput, TriggerDefinition]>([
    [
      'cron',
      cron('@daily'),
      { type: 'cron', expression: '@daily', timeZone: 'Europe/Berlin', startAt: null, endAt: null, jitterSeconds: 0 },
    ],
    [
      'interval',
      { type: 'interval', everySeconds: 30, startAt: '2026-02-01T01:00:00+01:00' },
      {
        type: 'interval',
        everySeconds: 30,
        anchor: '2026-02-01T00:00:00.000Z',
        startAt: '2026-02-01T00:00:00.000Z',
        endAt: null,
        jitterSeconds: 0,
      },
    ],
    ['date', { type: 'date', at: '2026-12-24T19:00:00.5+01:00' }, { type: 'date', at: '2026-12-24T18:00:00.500Z' }],
  ])('fills in the defaults of %s, and leaves a complete trigger as it is', (_type, input, expected) => {
    const definition = completeTrigger(triggerInput.parse(input), DEFAULTS);
    expect(definition).toEqual(expected);
    expect(completeTrigger(triggerInput.parse(definition), { ...DEFAULTS, createdAt: new Date(0) })).toEqual(expected);
  });

  it('keeps the anchor of the previous interval, unless the input sets one', () => {
    const previous = completeTrigger({ type: 'interval', everySeconds: 30 }, DEFAULTS);
    const later = { ...DEFAULTS, createdAt: new Date('2027-01-01T00:00:00Z'), previous };
    expect(completeTrigger({ type: 'interval', everySeconds: 60 }, later)).toMatchObject({
      anchor: '2026-01-01T00:00:00.123Z',
    });
    const anchor = '2026-05-01T00:00:00Z';
    expect(completeTrigger({ type: 'interval', everySeconds: 60, anchor }, later)).toMatchObject({
      anchor: '2026-05-01T00:00:00.000Z',
    });
  });
});

describe('triggerInput', () => {
  it.each<[unknown, string, string | RegExp]>([
    [null, '', 'an object with a type, which is cron, interval or date'],
    [{ type: 'daily' }, 'type', 'cron, interval or date'],
    [{ type: 'cron' }, 'expression', 'Say when to run'],
    [cron('*/0 * * * *'), 'expression', 'a step of 0'],
    [cron('0 0 31 2 *'), 'expression', 'It never fires'],
    [cron('* * 1 * +MON#5'), 'expression', 'It never fires'],
    [cron('0 0 0 29 2 * 2027'), 'expression', 'It never fires'],
    [cron('@daily', { timeZone: 'Mars/Phobos' }), 'timeZone', 'an IANA name such as Europe/Berlin'],
    [cron('@daily', { timeZone: '+02:00' }), 'timeZone', 'an IANA name'],
    [cron('@daily', { timezone: 'UTC' }), '', 'Unknown field timezone; known fields: type, expression, timeZone'],
    [cron('@daily', { startAt: '2026-01-01T00:00:00' }), 'startAt', 'ISO 8601 with a zone'],
    [
      cron('@daily', { startAt: '2026-01-02T00:00:00Z', endAt: '2026-01-01T00:00:00Z' }),
      'endAt',
      'Must not be before startAt',
    ],
    [cron('0,10 0 * * *', { jitterSeconds: 600 }), 'jitterSeconds', 'which is 600 seconds'],
    [cron('0 23,1 * * *', { jitterSeconds: 7200 }), 'jitterSeconds', 'which is 7200 seconds'],
    [cron('0 0 L,1 * *', { jitterSeconds: 86_400 }), 'jitterSeconds', 'which is 86400 seconds'],
    [{ type: 'interval' }, 'everySeconds', 'a number of seconds'],
    [{ type: 'interval', everySeconds: 0.05 }, 'everySeconds', 'At least 0.1 seconds'],
    [{ type: 'interval', everySeconds: 315_360_001 }, 'everySeconds', 'At most 315360000 seconds'],
    [{ type: 'interval', everySeconds: 1.0005 }, 'everySeconds', 'Use whole milliseconds'],
    [{ type: 'interval', everySeconds: 10, jitterSeconds: 10 }, 'jitterSeconds', 'which is 10 seconds'],
    [{ type: 'interval', everySeconds: 1, jitterSeconds: 1 }, 'jitterSeconds', /which is 1 second$/],
    [{ type: 'interval', everySeconds: 10, jitterSeconds: -1 }, 'jitterSeconds', 'At least 0 seconds'],
    [{ type: 'date', at: '1969-12-31T00:00:00Z' }, 'at', 'The year must be from 1970 to 9999'],
    [{ type: 'date', at: '2026-02-30T00:00:00Z' }, 'at', 'ISO 8601'],
    [{ type: 'date', at: '2026-02-03T00:00:00Z', jitterSeconds: 1 }, '', 'Unknown field jitterSeconds'],
  ])('rejects %j', (input, path, message) => {
    const issues = triggerInput
      .safeParse(input)
      .error?.issues.map((issue) => ({ ...issue, path: issue.path.join('.') }));
    expect(issues).toEqual([expect.objectContaining({ path, message: expect.stringMatching(message) })]);
  });

  it.each([
    cron('0 0 0 1 1 * 2020'), // Valid, although 2020 is over.
    cron('@daily', { timeZone: 'Asia/Calcutta', startAt: null, endAt: null }),
    cron('0,10 0 * * *', { jitterSeconds: 599.999 }),
    { type: 'interval', everySeconds: 315_360_000, jitterSeconds: 0.001 },
  ])('accepts %j', (input) => {
    expect(triggerInput.safeParse(input).error).toBeUndefined();
  });
});

describe('a trigger with bounds', () => {
  it('includes both bounds, forwards and backwards', () => {
    const [startAt, endAt] = ['2026-03-01T00:00:00Z', '2026-03-03T00:00:00Z'];
    const trigger = open(cron('0 0 * * *', { timeZone: 'UTC', startAt, endAt }));
    expect(trigger.next(new Date(0))).toEqual(new Date(startAt));
    expect(trigger.previous(new Date('2030-01-01T00:00:00Z'))).toEqual(new Date(endAt));
    expect(trigger.next(new Date(endAt))).toBeNull();
    expect(trigger.previous(new Date(startAt))).toBeNull();
    expect(trigger.count(new Date(0), new Date('2030-01-01T00:00:00Z'), 3)).toBe(3);
    expect(trigger.count(new Date(0), new Date('2030-01-01T00:00:00Z'), 2)).toBeNull();
    expect(trigger.count(new Date('2027-01-01T00:00:00Z'), new Date('2030-01-01T00:00:00Z'), 2)).toBe(0);
  });

  it('has one occurrence when it is a date', () => {
    const at = new Date('2026-12-24T18:00:00Z');
    const trigger = open({ type: 'date', at: at.toISOString() });
    expect([trigger.next(new Date(+at - 1)), trigger.next(at)]).toEqual([at, null]);
    expect([trigger.previous(new Date(+at + 1)), trigger.previous(at)]).toEqual([at, null]);
    expect([trigger.count(at, at, 1), trigger.count(new Date(0), new Date(+at - 1), 1), trigger.delay(at)]).toEqual([
      1, 0, 0,
    ]);
  });
});

const every = (seed: string) =>
  open({ type: 'interval', everySeconds: 10, jitterSeconds: 9.999, anchor: '2026-01-01T00:00:00Z' }, seed);

describe('jitter', () => {
  const instants = Array.from({ length: 1000 }, (_each, n) => new Date(Date.UTC(2026, 0, 1) + n * 10_000));

  it('is the same each time it is computed, and differs by job and occurrence', () => {
    const [delay] = instants.map((instant) => every('a').delay(instant));
    expect(delay).toBe(every('a').delay(instants[0]!));
    expect(new Set(instants.map((instant) => every('a').delay(instant))).size).toBeGreaterThan(900);
    expect(delay).not.toBe(every('b').delay(instants[0]!));
  });

  it('is in whole milliseconds, and spread over its whole range', () => {
    const delays = instants.map((instant) => every('a').delay(instant));
    expect(delays.every((delay) => Number.isInteger(delay) && delay >= 0 && delay < 9999)).toBe(true);
    expect([Math.min(...delays) < 200, Math.max(...delays) > 9800]).toEqual([true, true]);
  });

  it('never reaches the next occurrence, even when a DST change makes it come sooner', () => {
    // On this day 02:30 runs at 03:00, half an hour before 03:30.
    const [gap, next] = [new Date('2026-03-29T01:00:00Z'), new Date('2026-03-29T01:30:00Z')];
    for (let job = 0; job < 200; job++) {
      const trigger = open(cron('30 2,3 * * *', { jitterSeconds: 3599 }), `job ${job}`);
      expect(trigger.next(gap)).toEqual(next);
      expect(trigger.delay(gap)).toBeLessThan(1_800_000);
    }
  });
});
