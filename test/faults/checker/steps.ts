/** From `at` on, by the clock of the replicas, the database's clock is so far ahead of it. Milliseconds. */
export interface Step {
  at: number;
  aheadMs: number;
}

/** When, by the clock of the replicas, that of the database showed `instant` for the first time. */
export function reachedAt(instant: number, steps: Step[]): number {
  for (const [index, { at, aheadMs }] of steps.entries()) {
    const next = steps[index + 1]?.at ?? Infinity;
    if (instant - aheadMs < next) return Math.max(at, instant - aheadMs);
  }
  return Infinity;
}
