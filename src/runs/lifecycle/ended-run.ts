import type { RunKind, RunState } from './run.entity.js';

/** A row of the history that has its end. */
export interface EndedRun {
  job: string;
  kind: RunKind;
  state: RunState;
  reason: string | null;
}
