import { setImmediate as nextTurn } from 'node:timers/promises';

/** Repeats `work` as long as it returns true, two calls at a time: while one waits for the database, the other one uses
 *  this process. No call begins after `maxMs`. Returns whether there may be more work. If a call fails, no other
 *  begins, and the error is thrown when both have ended. */
export async function twoAtATime(work: () => Promise<boolean>, maxMs: number): Promise<boolean> {
  const until = performance.now() + maxMs;
  const failures: unknown[] = [];
  const one = async () => {
    try {
      while (failures.length === 0 && performance.now() < until) {
        // The runs that the last call has started begin here. Short ones may have ended before the next call.
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
