import type { ClaimedRun } from './claim-runs.js';
import { retryDelayMs } from './retry-delay.js';
import type { Outcome } from './settle-runs.js';
import type { AttemptResult } from './attempt-result.js';
import type { InterruptedError } from './run-errors.js';

export type UnwrittenResult = Exclude<AttemptResult, { state: 'committed' }>;

/** What becomes of a run when an attempt has ended. `interruption`: why the process gave the attempt up; null: it
 *  did not. `random` is in [0, 1). */
export function outcomeOf(
  run: ClaimedRun,
  result: UnwrittenResult,
  interruption: InterruptedError['reason'] | null,
  random: number,
): Outcome {
  const end = { run, reason: null, output: null, error: null, isRetry: false, delayMs: null };
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

/** The same attempt, ended without the result that the database refused. */
export const quarantined = ({ run }: Outcome, why: string): Outcome => ({
  run,
  state: 'failed',
  reason: null,
  output: null,
  error: { name: 'Problem', code: 'OUTPUT_NOT_STORABLE', message: `The attempt's result cannot be stored: ${why}` },
  isRetry: false,
  delayMs: null,
});
