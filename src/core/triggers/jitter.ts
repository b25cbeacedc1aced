import { createHash } from 'node:crypto';
import type { Occurrences } from './occurrences.js';

/** How long the start of `occurrence` is delayed: whole milliseconds below `jitterSeconds`, the same for the same seed
 *  and occurrence, anywhere. It stays below the distance to the next occurrence, which a DST change may shorten. */
export function jitterOf(seed: string, occurrence: Date, jitterSeconds: number, occurrences: Occurrences): number {
  if (jitterSeconds === 0) return 0;
  const next = occurrences.next(occurrence);
  const gap = next === null ? Infinity : next.getTime() - occurrence.getTime();
  const span = Math.min(Math.round(jitterSeconds * 1000), gap);
  const hash = createHash('sha256').update(`${seed}\n${occurrence.getTime()}`).digest();
  return Math.floor((hash.readUIntBE(0, 6) / 2 ** 48) * span);
}
