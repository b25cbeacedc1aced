import type { RunError } from './run.entity.js';

/** How an attempt ended, by itself. `final`: another one would end the same. */
export type AttemptResult =
  | { state: 'succeeded'; output: string | null }
  /** Succeeded, and written already together with what the task wrote. */
  | { state: 'committed' }
  | { state: 'failed' | 'timed_out'; error: RunError; final: boolean };
