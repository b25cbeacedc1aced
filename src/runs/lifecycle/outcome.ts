import type { ClaimedRun } from './claim-runs.js';
import type { InterruptedError } from './run-errors.js';
import type { RetryPolicy, RunError, RunState } from './run.entity.js';

/** How an attempt ended by itself. `final`: another attempt would end the same way. */
export type AttemptResult =
  | { state: 'succeeded'; output: string | null }
  /** Succeeded, and already written in one transaction with what the task wrote. */
  | { state: 'committed' }
  | { state: 'failed' | 'timed_out'; error: RunError; final: boolean };

export type UnwrittenResult = Exclude<AttemptResult, { state: 'committed' }>;

/** How an attempt ended, and what becomes of its run. */
export interface Outcome {
  run: ClaimedRun;
  /** The run's next state. `retrying` and `pending` call for another attempt. */
  state: RunState;
  reason: string | null;
  /** JSON text. */
  output: string | null;
  error: RunError | null;
  /** Whether this attempt used up one of the retries. */
  isRetry: boolean;
  /** Milliseconds until the next attempt; null when there is none. */
  delayMs: number | null;
  /** False for a run that was claimed and goes back without having started: the attempt leaves no row. */
  started: boolean;
}

const ended = (run: ClaimedRun) => ({
  run,
  reason: null,
  output: null,
  error: null,
  isRetry: false,
  delayMs: null,
  started: true,
});

/** What becomes of a run when an attempt has ended. `interruption`: why the process aborted the attempt; null: it did not. `random` is
 *  in [0, 1). */
export function outcomeOf(
  run: ClaimedRun,
  result: UnwrittenResult,
  interruption: InterruptedError['reason'] | null,
  random: number,
): Outcome {
  const end = ended(run);
  if (result.state === 'succeeded') return { ...end, state: 'succeeded', output: result.output };
  const { error } = result;
  if (interruption)
    return run.onInterruption === 'rerun'
      ? { ...end, state: 'pending', reason: interruption, error, delayMs: 0 }
      : { ...end, state: 'failed', reason: interruption, error };
  if (!result.final && run.retriesUsed < run.retry.limit)
    return {
      ...end,
      state: 'retrying',
      error,
      isRetry: true,
      delayMs: retryDelayMs(run.retry, run.retriesUsed + 1, random),
    };
  return { ...end, state: result.state, reason: error.code === 'UNKNOWN_TASK' ? 'unknown_task' : null, error };
}

/** The end of an attempt whose result the database refused. */
export const quarantined = ({ run }: Outcome, why: string): Outcome => ({
  ...ended(run),
  state: 'failed',
  error: { name: 'Problem', code: 'OUTPUT_NOT_STORABLE', message: `The attempt's result cannot be stored: ${why}` },
});

/** A run that was claimed ahead goes back to the queue as if nobody had claimed it. */
export const givenBack = (run: ClaimedRun): Outcome => ({
  ...ended(run),
  state: 'pending',
  delayMs: 0,
  started: false,
});

/** Milliseconds before the next attempt after `failures` (from 1) failed attempts: fixed, or delay × 2^(n-1) up to the maximum, then
 *  ± 20 % at random, so that runs that failed together do not come back together. `random` is in [0, 1). */
export function retryDelayMs(policy: RetryPolicy, failures: number, random: number): number {
  const growth = policy.backoff === 'exponential' ? 2 ** (failures - 1) : 1;
  const seconds = Math.min(policy.delaySeconds * growth, policy.maxDelaySeconds);
  return Math.round(seconds * 1000 * (0.8 + 0.4 * random));
}
