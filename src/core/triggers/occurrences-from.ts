import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Occurrences } from './occurrences.js';

/** A rare instant takes up to a millisecond to find. */
const LONGEST_WORK_MS = 10;

/** The instants from `first` on, at most `most`, those before `end` only; lets others work in between. */
export async function occurrencesFrom(
  trigger: Occurrences,
  first: Date | null,
  most: number,
  end?: Date,
): Promise<Date[]> {
  const inTime = (at: Date) => end === undefined || at < end;
  const found: Date[] = [];
  let since = performance.now();
  for (let at = first; at && inTime(at) && found.length < most; at = trigger.next(at)) {
    found.push(at);
    if (performance.now() - since < LONGEST_WORK_MS) continue;
    await nextTurn();
    since = performance.now();
  }
  return found;
}
