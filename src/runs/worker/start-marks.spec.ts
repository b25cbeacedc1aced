import { jest } from '@jest/globals';
import type { PinoLogger } from 'nestjs-pino';
import type { SchedulerDatabase } from '../../database/scheduler-database.js';
import type { ClaimedRun } from '../lifecycle/claim-runs.js';
import { type Attempt, Attempts } from './attempts.js';
import { StartMarks } from './start-marks.js';

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

/** Attempts that hold a slot, and the ids that each transaction marks. Transactions fail as often as `failures` says. */
function given({ failures = 0 } = {}) {
  const attempts = new Attempts();
  const marked: string[][] = [];
  const transaction = async (work: (tx: unknown) => Promise<void>) => {
    if (marked.length < failures) {
      marked.push([]);
      throw new Error('away');
    }
    await work({
      query: async (_text: string, [runs]: [string]) =>
        void marked.push((JSON.parse(runs) as { id: string }[]).map(({ id }) => id)),
    });
  };
  const logger = { warn: () => {} } as unknown as PinoLogger;
  const marks = new StartMarks({ transaction } as unknown as SchedulerDatabase, attempts, logger);
  const start = (id: string, claimedAhead = true): Attempt => {
    const attempt = { run: { id, claimedAhead } as ClaimedRun, returned: false } as Attempt;
    attempts.add(attempt);
    marks.writeSoon();
    return attempt;
  };
  return { attempts, marked, start };
}

describe('a run that was claimed ahead', () => {
  it('is marked as started within a second, once, together with all that started meanwhile', async () => {
    const { marked, start } = given();
    start('a');
    start('b');
    await jest.advanceTimersByTimeAsync(1_000);
    expect(marked).toEqual([['a', 'b']]);
    start('c');
    await jest.advanceTimersByTimeAsync(1_000);
    expect(marked).toEqual([['a', 'b'], ['c']]);
  });

  it('is not marked where it has ended by then, nor is one that was claimed into its slot', async () => {
    const { attempts, marked, start } = given();
    attempts.freeSlot(start('ended'));
    start('not ahead', false);
    await jest.advanceTimersByTimeAsync(1_000);
    expect(marked).toEqual([]);
  });

  it('is marked later where the database was away', async () => {
    const { marked, start } = given({ failures: 2 });
    start('a');
    await jest.advanceTimersByTimeAsync(2_000);
    expect(marked).toEqual([[], []]);
    await jest.advanceTimersByTimeAsync(200);
    expect(marked).toEqual([[], [], ['a']]);
  });
});
