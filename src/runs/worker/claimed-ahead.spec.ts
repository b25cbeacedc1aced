import { jest } from '@jest/globals';
import type { ClaimedRun } from '../lifecycle/claim-runs.js';
import { ClaimedAhead } from './claimed-ahead.js';

const SLOTS = 4;
const CLAIMED_AT = new Date('2026-06-01T12:00:00.500Z');

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

const after = (ms: number) => jest.advanceTimersByTime(ms);
const runOf = (id: string, written: Partial<ClaimedRun> = {}) =>
  ({ id, dueAt: new Date('2026-06-01T12:00:00Z'), startedAt: CLAIMED_AT, latenessMs: null, ...written }) as ClaimedRun;
const idsOf = (runs: ClaimedRun[]) => runs.map(({ id }) => id);

/** Slots became free so often, at this moment. */
function given(freed: number, ...waiting: string[]): ClaimedAhead {
  const ahead = new ClaimedAhead();
  for (let slot = 0; slot < freed; slot += 1) ahead.slotFreed();
  for (const id of waiting) ahead.add(runOf(id));
  return ahead;
}

describe('the runs that may be claimed ahead', () => {
  it.each([
    ['none where no slot became free', 0, [], 0],
    ['none where fewer than half of the slots became free', 1, [], 0],
    ['twice as many as slots became free, while none waits', 12, [], 24],
    ['as many as slots became free, once some wait', 12, ['a'], 11],
    ['fewer by those that wait already', 12, ['a', 'b'], 10],
    ['none where as many wait', 2, ['a', 'b', 'c'], 0],
  ])('are %s', (_case, freed, waiting, allowance) => {
    expect(given(freed, ...waiting).allowance(SLOTS)).toBe(allowance);
  });

  it('are none when the slots have not turned over for a moment', () => {
    const ahead = given(100);
    after(1_000);
    expect(ahead.turnover()).toBe(0);
    expect(ahead.allowance(SLOTS)).toBe(0);
    ahead.slotFreed();
    expect(ahead.turnover()).toBe(1);
  });

  it('are counted in the last 50 ms, however many slots became free before', () => {
    const ahead = new ClaimedAhead();
    for (let ms = 0; ms < 5_000; ms += 1) {
      ahead.slotFreed();
      after(1);
      expect(ahead.turnover()).toBeLessThanOrEqual(50);
    }
    expect(ahead.turnover()).toBeGreaterThanOrEqual(49);
  });

  it('are none for a second after some had to go back', () => {
    const ahead = given(0, 'a');
    after(200);
    expect(idsOf(ahead.takeExpired())).toEqual(['a']);
    for (const wait of [0, 900]) {
      after(wait);
      for (let slot = 0; slot < 10; slot += 1) ahead.slotFreed();
      expect(ahead.allowance(SLOTS)).toBe(0);
    }
    after(200);
    for (let slot = 0; slot < 10; slot += 1) ahead.slotFreed();
    expect(ahead.allowance(SLOTS)).toBe(20);
  });
});

describe('a run that was claimed ahead', () => {
  it('starts in the order of the claims, with its own start and lateness', () => {
    const ahead = given(0, 'a', 'b');
    after(40);
    const start = { startedAt: new Date('2026-06-01T12:00:00.540Z'), latenessMs: 540 };
    expect(ahead.next()).toMatchObject({ id: 'a', ...start });
    expect(ahead.next()).toMatchObject({ id: 'b', ...start });
    expect(ahead.next()).toBeUndefined();
    expect(ahead.any).toBe(false);
  });

  it('keeps the lateness of its first attempt', () => {
    const ahead = new ClaimedAhead();
    ahead.add(runOf('a', { latenessMs: 7 }));
    after(40);
    expect(ahead.next()).toMatchObject({ latenessMs: 7 });
  });

  it('goes back after 100 ms in which no slot became free, and those that came later stay', () => {
    const ahead = given(0, 'a', 'b');
    after(60);
    ahead.add(runOf('c'));
    expect(ahead.takeExpired()).toEqual([]);
    after(41);
    expect(idsOf(ahead.takeExpired())).toEqual(['a', 'b']);
    expect(idsOf(ahead.runs)).toEqual(['c']);
    expect(ahead.next()).toMatchObject({ id: 'c' });
    expect(ahead.any).toBe(false);
  });

  it('waits up to 300 ms while slots become free, and does not start after that', () => {
    const ahead = given(0, 'a');
    after(260);
    ahead.slotFreed();
    expect(ahead.takeExpired()).toEqual([]);
    after(41);
    ahead.slotFreed();
    expect(ahead.next()).toBeUndefined();
    expect(idsOf(ahead.takeExpired())).toEqual(['a']);
  });

  it('goes back with all others when the process stops', () => {
    const ahead = given(0, 'a', 'b');
    expect(idsOf(ahead.takeAll())).toEqual(['a', 'b']);
    expect(ahead.any).toBe(false);
  });
});
