import { setTimeout } from 'node:timers/promises';

/** Waits until `look` answers something true, and answers that. Throws after `seconds`. */
export async function until(what, seconds, look) {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    if (performance.now() > deadline) throw new Error(`waited ${seconds} s for ${what}`);
    await setTimeout(20);
  }
}
