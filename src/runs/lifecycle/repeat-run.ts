import type { EntityManager } from 'typeorm';
import type { RunDraft } from './create-runs.js';
import { RunNeverStartedError, RunNotFinishedError, RunNotFoundError } from './run-errors.js';
import { livePriority } from './run-queue.js';
import { idempotencyKeyOf, Run, type RunState, unfinishedStates } from './run.entity.js';

const neverStarted: readonly RunState[] = ['skipped', 'missed'];

/** A finished run, which can be repeated. Throws RUN_NOT_FOUND, RUN_NOT_FINISHED, RUN_NEVER_STARTED. */
export async function findRepeatable(tx: EntityManager, id: string): Promise<Run> {
  const run = await tx.findOneBy(Run, { id });
  if (!run) throw new RunNotFoundError(id);
  if (unfinishedStates.includes(run.state)) throw new RunNotFinishedError(id, run.state);
  if (neverStarted.includes(run.state)) throw new RunNeverStartedError(id, run.state);
  return run;
}

/** A copy of a finished run for the same instant. Everything is copied from the run and not from its job, which may have been edited
 *  or deleted since. A run of a backfill gets the priority of a live run. The copy stores the key of the run, so the key survives when
 *  the run is pruned, and passes from retry to retry. */
export function copyOfRun(run: Run, now: Date): RunDraft {
  const { jobId, job, task, priority, timeoutSeconds, retry, onInterruption, input, scheduledAt } = run;
  const copied = { jobId, job, task, timeoutSeconds, retry, onInterruption, input, scheduledAt };
  const fresh = { kind: 'retry', state: 'pending', held: false, reason: null, dueAt: now } as const;
  const repeated = { retryOf: run.id, idempotencyKey: idempotencyKeyOf(run) };
  return { ...copied, ...fresh, ...repeated, priority: livePriority(priority) };
}
