import type { EntityManager } from 'typeorm';
import { databaseNow } from '../../database/database-now.js';
import { notify } from '../../replicas/notify.js';
import { cancelRuns } from '../../runs/lifecycle/cancel-runs.js';
import { createRuns, type RunDraft } from '../../runs/lifecycle/create-runs.js';
import type { EndedRun } from '../../runs/lifecycle/run.entity.js';
import { JobBusyError } from '../definition/job-errors.js';
import type { Job } from '../definition/job.entity.js';
import { judged } from './decide.js';
import { overlapVerdicts } from './overlap.js';
import { IDLE, lanesOf, replaceableRuns } from './unfinished-runs.js';

interface RequestedRun {
  id: string;
  /** The runs that the new one replaced before they could start. */
  ended: EndedRun[];
}

/** Creates a run that a client asked for, a manual run or a retry, as the overlap policy of the job says. The transaction must have
 *  locked the row of the job, which comes before runs in the lock order. `draftAt` gets the database's time after all locks were taken.
 *  Notifies `cancel` and `runs`. Throws JOB_BUSY. */
export async function createRequestedRun(
  tx: EntityManager,
  job: Job,
  draftAt: (now: Date) => RunDraft,
): Promise<RequestedRun> {
  const { schedule } = (await lanesOf(tx, [job])).get(job.id) ?? IDLE;
  const [verdict] = overlapVerdicts(job.overlap, schedule, 1);
  if (verdict === 'skip') throw new JobBusyError(job.name, job.overlap);
  const replaced = job.overlap === 'replace' ? await replaceableRuns(tx, [job.id]) : [];
  const { ended, running } = await cancelRuns(tx, replaced, 'replaced');
  if (running > 0) await notify(tx, 'cancel');
  const now = await databaseNow(tx);
  const draft = draftAt(now);
  const [created] = await createRuns(tx, now, [judged(draft, verdict!)], draft);
  await notify(tx, 'runs');
  return { id: created!.id, ended };
}
