import type { OverlapPolicy } from '../definition/job.entity.js';

/** How many runs of one lane of a job are unfinished. */
export interface UnfinishedRuns {
  running: number;
  /** In the queue, or waiting for a retry. */
  waiting: number;
  /** Waiting without a queue entry until another run ends. */
  held: number;
}

export const NOTHING: UnfinishedRuns = { running: 0, waiting: 0, held: 0 };

/** `hold`: the run starts when the others have ended. `skip`: it gets a `skipped` row. `replaced`: a later one takes
 *  its place before it could start. */
export type OverlapVerdict = 'start' | 'hold' | 'skip' | 'replaced';

/** Returns a verdict for each of `count` new runs of a job, oldest first. With `replace` the caller must also cancel
 *  the unfinished runs. The new run waits only for those that are running, since the others end at once. */
export function overlapVerdicts(policy: OverlapPolicy, unfinished: UnfinishedRuns, count: number): OverlapVerdict[] {
  const busy = unfinished.running + unfinished.waiting + unfinished.held > 0;
  const verdicts = {
    allow: () => 'start',
    skip: (index) => (busy || index > 0 ? 'skip' : 'start'),
    queue: (index) => queued(busy ? (unfinished.held > 0 ? 2 : 1) : 0, index),
    replace: (index) => (index < count - 1 ? 'replaced' : unfinished.running > 0 ? 'hold' : 'start'),
  } satisfies Record<OverlapPolicy, (index: number) => OverlapVerdict>;
  return Array.from({ length: count }, (_, index) => verdicts[policy](index));
}

/** With `queue` one run may be unfinished and one may be held. `taken` of these two places are taken already. */
const queued = (taken: number, index: number): OverlapVerdict =>
  (['start', 'hold', 'skip'] as const)[Math.min(2, taken + index)]!;
