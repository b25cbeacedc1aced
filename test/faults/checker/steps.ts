/** From `at` on, by the clock of the replicas, the database's clock is this far ahead of theirs. Milliseconds. */
export interface Step {
  at: number;
  aheadMs: number;
}

/** When the database's clock reached `instant` for the first time, by the clock of the replicas. */
export function reachedAt(instant: number, steps: Step[]): number {
  for (const [index, { at, aheadMs }] of steps.entries()) {
    const next = steps[index + 1]?.at ?? Infinity;
    if (instant - aheadMs < next) return Math.max(at, instant - aheadMs);
  }
  return Infinity;
}
