import type { OverlapPolicy } from '../definition/job.entity.js';

/** What is under way of a job in the lane of its schedule: runs of kind `schedule` and `manual` that are not finished. */
export interface UnfinishedRuns {
  running: number;
  /** Queued, or waiting for a retry. */
  waiting: number;
  /** Waiting for another one to end. */
  held: number;
}

export const NOTHING: UnfinishedRuns = { running: 0, waiting: 0, held: 0 };

/** `hold`: start it when the others have ended. `replaced`: a later one takes its place before it could start. */
export type OverlapVerdict = 'start' | 'hold' | 'skip' | 'replaced';

/** A verdict for each of `count` new runs of a job, the oldest first. With `replace`, what is under way is to be cancelled. */
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

/** One place to run and one to wait; `taken` of them are. */
const queued = (taken: number, index: number): OverlapVerdict =>
  (['start', 'hold', 'skip'] as const)[Math.min(2, taken + index)]!;
