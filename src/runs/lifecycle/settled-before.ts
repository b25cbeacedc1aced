import type { EntityManager } from 'typeorm';
import { rows } from '../../database/transaction.js';
import type { RunState } from './run.entity.js';
import type { Outcome } from './settle-runs.js';

export interface SettledBefore {
  id: string;
  state: RunState;
  reason: string | null;
  /** Whether that was the end of the run. */
  final: boolean;
}

/** The runs of those outcomes that are stored already, since only the answer to their COMMIT got lost. What others write of a
 *  run is not mistaken for it: an attempt alone can succeed under its number, and one that did not has left the same error. */
export async function settledBefore(tx: EntityManager, outcomes: Outcome[]): Promise<Map<string, SettledBefore>> {
  if (outcomes.length === 0) return new Map();
  const found = await rows<SettledBefore>(tx, stored, [
    JSON.stringify(outcomes.map(({ run, error }) => ({ id: run.id, attempt: run.attempt, error }))),
  ]);
  return new Map(found.map((run) => [run.id, run]));
}

// The run itself may have gone on since: to its next attempt.
const stored = `
  SELECT runs.id, runs.state, runs.reason, runs.attempt = o.attempt AND runs.finished_at IS NOT NULL AS final
  FROM jsonb_to_recordset($1::jsonb) AS o (id uuid, attempt integer, error jsonb)
  JOIN runs ON runs.id = o.id LEFT JOIN run_attempts a ON a.run_id = o.id AND a.number = o.attempt
  WHERE (runs.attempt = o.attempt AND runs.state = 'succeeded') OR a.error = o.error`;
