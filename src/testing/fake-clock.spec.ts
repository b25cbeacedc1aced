import { cron, date, interval } from '../core/triggers/helpers.js';
import { FakeClock } from './fake-clock.js';

describe('the fake clock', () => {
  it('runs a job at 02:30 once in the night that skips this time and once in the night that repeats it', async () => {
    const trigger = cron('30 2 * * *', { timeZone: 'Europe/Berlin' });
    const spring = new FakeClock('2026-03-28T12:00:00Z');
    spring.schedule(trigger, () => {});
    expect(await spring.advanceTo('2026-03-30T12:00:00Z')).toEqual([
      new Date('2026-03-29T01:00:00Z'),
      new Date('2026-03-30T00:30:00Z'),
    ]);
    const autumn = new FakeClock('2026-10-24T12:00:00Z');
    autumn.schedule(trigger, () => {});
    expect(await autumn.advanceTo('2026-10-26T12:00:00Z')).toEqual([
      new Date('2026-10-25T00:30:00Z'),
      new Date('2026-10-26T01:30:00Z'),
    ]);
  });

  it('runs occurrences in ascending order, one after the other, with the clock at their instants', async () => {
    const clock = new FakeClock('2026-01-01T00:00:00Z');
    const seen: string[] = [];
    const see = (name: string) => async (at: Date) => {
      await Promise.resolve();
      seen.push(`${name} ${at.getTime() === clock.now.getTime() ? at.toISOString().slice(11, 19) : 'at another time'}`);
    };
    clock.schedule(interval(40), see('every 40 s'));
    clock.schedule(date('2026-01-01T00:01:00Z'), see('once'));
    await clock.advanceTo('2026-01-01T00:01:30Z');
    expect(seen).toEqual(['every 40 s 00:00:40', 'once 00:01:00', 'every 40 s 00:01:20']);
    expect(clock.now).toEqual(new Date('2026-01-01T00:01:30Z'));
    await clock.advanceTo('2026-01-01T00:00:00Z');
    expect(clock.now).toEqual(new Date('2026-01-01T00:01:30Z'));
  });

  it('rejects an invalid trigger and an invalid instant', () => {
    const clock = new FakeClock('2026-01-01T00:00:00Z');
    expect(() => clock.schedule(interval(0), () => {})).toThrow(
      expect.objectContaining({
        code: 'INVALID_TRIGGER',
        errors: [expect.objectContaining({ path: '/everySeconds' })],
      }),
    );
    expect(() => new FakeClock('2026-01-01T00:00:00')).toThrow(expect.objectContaining({ code: 'INVALID_INSTANT' }));
  });
});
