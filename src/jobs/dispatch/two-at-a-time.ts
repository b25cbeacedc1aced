import { setImmediate as nextTurn } from 'node:timers/promises';

/** Repeats `work` while it answers that there is more, two of them at a time: while one waits for the database, the other one is
 *  worked out here. None begins after `longestMs`. Answers whether there is more; throws when both have ended and one has failed. */
export async function twoAtATime(work: () => Promise<boolean>, longestMs: number): Promise<boolean> {
  const until = performance.now() + longestMs;
  const failures: unknown[] = [];
  const one = async () => {
    try {
      while (failures.length === 0 && performance.now() < until) {
        // What the last one has started gets its turn, and may be over already.
        await nextTurn();
        if (!(await work())) return false;
      }
    } catch (error) {
      failures.push(error);
    }
    return true;
  };
  const more = await Promise.all([one(), one()]);
  if (failures.length > 0) throw failures[0];
  return more.includes(true);
}
