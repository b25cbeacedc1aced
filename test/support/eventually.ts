import { setTimeout as delay } from 'node:timers/promises';

/** Repeats `check` until it no longer throws and returns its value; throws its last error after `within` milliseconds. */
export async function eventually<T>(check: () => T | Promise<T>, { within = 10_000, every = 25 } = {}): Promise<T> {
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
