import type { RetryPolicy } from './run.entity.js';

/** Milliseconds before the next attempt after `failures` (from 1) failed ones: fixed, or delay × 2^(n-1), capped, ± 20 %. `random` is in [0, 1). */
export function retryDelayMs(policy: RetryPolicy, failures: number, random: number): number {
  const growth = policy.backoff === 'exponential' ? 2 ** (failures - 1) : 1;
  const seconds = Math.min(policy.delaySeconds * growth, policy.maxDelaySeconds);
  return Math.round(seconds * 1000 * (0.8 + 0.4 * random));
}
