import type { ClaimedRun } from './claim-runs.js';
import type { InterruptedError } from './run-errors.js';
import type { RetryPolicy, RunError, RunState } from './run.entity.js';

/** How an attempt ended. `final`: another attempt would fail in the same way, so there is no retry. `retryAfterSeconds`: the
 *  task was asked to wait this long before the next attempt. */
export type AttemptResult =
  | { state: 'succeeded'; output: string | null }
  /** The attempt succeeded, and the transaction that the task wrote in has already settled the run. */
  | { state: 'committed' }
  | { state: 'failed' | 'timed_out'; error: RunError; final: boolean; retryAfterSeconds?: number | undefined };

export type UnwrittenResult = Exclude<AttemptResult, { state: 'committed' }>;

/** The result of an attempt, and the next state of its run. */
export interface Outcome {
  run: ClaimedRun;
  /** The run's next state. After `retrying` and `pending` there is another attempt. */
  state: RunState;
  reason: string | null;
  /** What the task returned, as JSON text. Null if it returned nothing. */
  output: string | null;
  error: RunError | null;
  /** Whether this attempt used up one of the retries. */
  isRetry: boolean;
  /** Milliseconds until the next attempt. Null if there is none. */
  delayMs: number | null;
  /** False for a run that was claimed ahead and goes back unstarted. Such an attempt leaves no row in `run_attempts`. */
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

/** Decides the next state of a run whose attempt has ended. `interruption` is the reason if the process itself aborted
 *  the attempt, and null otherwise. An interruption uses up no retry: `onInterruption` decides. A task that succeeded
 *  in spite of it has succeeded. `random` is in [0, 1). */
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
      delayMs: Math.max(
        retryDelayMs(run.retry, run.retriesUsed + 1, random),
        retryAfterMs(run.retry, result.retryAfterSeconds ?? 0, random),
      ),
    };
  return { ...end, state: result.state, reason: error.code === 'UNKNOWN_TASK' ? 'unknown_task' : null, error };
}

/** Replaces an outcome that the database refused to store, such as an output that is no valid jsonb. */
export const quarantined = ({ run }: Outcome, why: string): Outcome => ({
  ...ended(run),
  state: 'failed',
  error: { name: 'Problem', code: 'OUTPUT_NOT_STORABLE', message: `The attempt's result cannot be stored: ${why}` },
});

/** The outcome of a run that was claimed ahead and goes back to the queue as if it had never been claimed. */
export const givenBack = (run: ClaimedRun): Outcome => ({
  ...ended(run),
  state: 'pending',
  delayMs: 0,
  started: false,
});

/** Milliseconds until the next attempt after `failures` failed ones (from 1): the delay, or the delay × 2^(failures -
 *  1), at most the maximum, and then ± 20 % at random, so that runs that failed together are not retried together.
 *  `random` is in [0, 1). */
export function retryDelayMs(policy: RetryPolicy, failures: number, random: number): number {
  const growth = policy.backoff === 'exponential' ? 2 ** (failures - 1) : 1;
  const seconds = Math.min(policy.delaySeconds * growth, policy.maxDelaySeconds);
  return Math.round(seconds * 1000 * (0.8 + 0.4 * random));
}

/** Milliseconds until the next attempt when a server has asked to wait: as long as it asked, at most the maximum of the policy,
 *  and then up to 20 % more at random. The next attempt is never earlier than asked, except for the maximum. */
function retryAfterMs(policy: RetryPolicy, seconds: number, random: number): number {
  return Math.ceil(Math.min(seconds, policy.maxDelaySeconds) * 1000 * (1 + 0.2 * random));
}
