import { setTimeout as delay } from 'node:timers/promises';

/** Repeats `check` until it no longer throws, and returns its value. Throws the last error of `check` after `within` milliseconds.
 *  That bound costs nothing where the check passes. It is long, because a process may take seconds to start on a busy machine. */
export async function eventually<T>(check: () => T | Promise<T>, { within = 30_000, every = 25 } = {}): Promise<T> {
  const deadline = Date.now() + within;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await delay(every);
    }
  }
}
