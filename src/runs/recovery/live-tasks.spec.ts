import type { EntityManager } from 'typeorm';
import { LiveTasks } from './live-tasks.js';

/** A database in which live workers have these tasks. */
const withTasks = (...names: string[]) =>
  ({ queryRunner: { query: async () => ({ records: names.map((name) => ({ name })) }) } }) as unknown as EntityManager;

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;

describe('the tasks that live workers had within the last hour', () => {
  it('are not known in the first 15 seconds of a process, in which other workers may be starting', async () => {
    const tasks = new LiveTasks(0);
    expect(await tasks.seenLately(withTasks(), 14 * SECOND)).toBeNull();
    expect(await tasks.seenLately(withTasks(), 15 * SECOND)).toEqual([]);
  });

  it('include those of a worker that is gone, for an hour', async () => {
    const tasks = new LiveTasks(0);
    await tasks.seenLately(withTasks('a', 'b'), 0);
    await tasks.seenLately(withTasks('b'), 10 * SECOND);
    expect(await tasks.seenLately(withTasks(), HOUR)).toEqual(['a', 'b']);
    expect(await tasks.seenLately(withTasks(), HOUR + SECOND)).toEqual(['b']);
    expect(await tasks.seenLately(withTasks(), HOUR + 11 * SECOND)).toEqual([]);
  });
});
