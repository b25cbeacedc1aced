import type { EntityManager } from 'typeorm';
import { databaseNow } from '../../database/database-now.js';
import { createRuns } from './create-runs.js';
import { RunNeverStartedError, RunNotFinishedError, RunNotFoundError } from './run-errors.js';
import { livePriority } from './run-queue.js';
import { Run, type RunState, unfinishedStates } from './run.entity.js';

const neverStarted: readonly RunState[] = ['skipped', 'missed'];

interface Retried {
  job: string;
  /** The id of the new run. */
  made: string[];
}

/** Queues a copy of this run for the same instant, and returns its id and the name of its job. The job is not read: a run holds all that
 *  it needs.
 *  Throws RUN_NOT_FOUND, RUN_NOT_FINISHED, RUN_NEVER_STARTED. */
export async function retryRun(tx: EntityManager, id: string): Promise<Retried> {
  const run = await tx.findOneBy(Run, { id });
  if (!run) throw new RunNotFoundError(id);
  if (unfinishedStates.includes(run.state)) throw new RunNotFinishedError(id, run.state);
  if (neverStarted.includes(run.state)) throw new RunNeverStartedError(id, run.state);
  const now = await databaseNow(tx);
  const { jobId, job, task, priority, timeoutSeconds, retry, onInterruption, input, scheduledAt } = run;
  const copied = { jobId, job, task, timeoutSeconds, retry, onInterruption, input, scheduledAt };
  const fresh = { kind: 'retry', state: 'pending', held: false, reason: null, dueAt: now, retryOf: id } as const;
  const draft = { ...copied, ...fresh, priority: livePriority(priority) };
  const made = await createRuns(tx, now, [draft], draft);
  return { job, made: made.map((one) => one.id) };
}
