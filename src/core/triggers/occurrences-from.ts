import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Occurrences } from './occurrences.js';

/** Computing one occurrence of a rare trigger takes up to a millisecond. */
const MAX_WORK_MS = 10;

/** The occurrences from `first` on: at most `most`, and only those before `end`. Yields to the event loop every 10 ms. */
export async function occurrencesFrom(
  trigger: Occurrences,
  first: Date | null,
  most: number,
  end?: Date,
): Promise<Date[]> {
  const isBeforeEnd = (at: Date) => end === undefined || at < end;
  const found: Date[] = [];
  let since = performance.now();
  for (let at = first; at && isBeforeEnd(at) && found.length < most; at = trigger.next(at)) {
    found.push(at);
    if (performance.now() - since < MAX_WORK_MS) continue;
    await nextTurn();
    since = performance.now();
  }
  return found;
}
