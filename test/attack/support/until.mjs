import { setTimeout as delay } from 'node:timers/promises';

/** Repeats `check` until it returns something true, and returns that. Returns the last value of `check` after `seconds`. */
export async function until(seconds, check, everyMs = 50) {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const value = await check();
    if (value || performance.now() > deadline) return value;
    await delay(everyMs);
  }
}
