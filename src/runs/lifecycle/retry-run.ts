import type { EntityManager } from 'typeorm';
import { databaseNow } from '../../database/database-now.js';
import { live } from './background.js';
import type { RunQueue } from './run-queue.js';
import { RunNeverStartedError, RunNotFinishedError, RunNotFoundError } from './run-errors.js';
import { recordRuns } from './record-runs.js';
import { Run, type RunState, unfinishedStates } from './run.entity.js';

const neverStarted: readonly RunState[] = ['skipped', 'missed'];

interface Retried {
  job: string;
  /** The id of the new run. */
  made: string[];
}

/** Queues a run like this one, for the same instant, and answers its id and the name of its job. The job is not asked: a run holds all that it needs.
 *  Throws RUN_NOT_FOUND, RUN_NOT_FINISHED, RUN_NEVER_STARTED. */
export async function retryRun(tx: EntityManager, queue: RunQueue, id: string): Promise<Retried> {
  const run = await tx.findOneBy(Run, { id });
  if (!run) throw new RunNotFoundError(id);
  if (unfinishedStates.includes(run.state)) throw new RunNotFinishedError(id, run.state);
  if (neverStarted.includes(run.state)) throw new RunNeverStartedError(id, run.state);
  const now = await databaseNow(tx);
  const { jobId, job, task, priority, timeoutSeconds, retry, onInterruption, input, scheduledAt } = run;
  const copied = { jobId, job, task, timeoutSeconds, retry, onInterruption, input, scheduledAt };
  const fresh = { kind: 'retry', state: 'pending', held: false, reason: null, dueAt: now, retryOf: id } as const;
  const draft = { ...copied, ...fresh, priority: live(priority) };
  const made = await recordRuns(tx, queue, now, [draft], draft);
  return { job, made: made.map((one) => one.id) };
}
