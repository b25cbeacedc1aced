import { Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { Actor } from '../../auth/actor.js';
import { audit } from '../../auth/audit.js';
import { rows } from '../../database/transaction.js';
import { notify } from '../../replicas/notify.js';
import { cancelRuns } from '../lifecycle/cancel-runs.js';
import { releaseHeld } from '../lifecycle/release-held.js';
import { RunFinishedError, RunNotFoundError } from '../lifecycle/run-errors.js';
import type { RunState } from '../lifecycle/run.entity.js';
import { RunMetrics } from '../worker/run-metrics.js';
import { ApiDatabase } from '../../database/api-database.js';
import type { Page } from '../../http/page.js';
import { findRun, listRuns, type logsQuery, readLogs, type RunsQuery } from './read-runs.js';
import type { LogLineView, RunItem, RunView } from './run.view.js';

/** What the API can do with runs: list, read and cancel them, and read their logs. A retry needs the job: see `jobs/api`. */
@Injectable()
export class RunsService {
  constructor(
    private readonly database: ApiDatabase,
    private readonly metrics: RunMetrics,
  ) {}

  list(query: RunsQuery): Promise<Page<RunItem>> {
    return this.database.transaction((tx) => listRuns(tx, query));
  }

  get(id: string): Promise<RunView> {
    return this.database.transaction((tx) => findRun(tx, id));
  }

  /** Cancels a run that has not started, or asks the running attempt to stop. Throws RUN_NOT_FOUND, RUN_FINISHED. */
  cancel(id: string, actor: Actor): Promise<RunView> {
    return this.database.transaction(async (tx) => {
      const [run] = await rows<{ jobId: string; job: string; state: RunState }>(
        tx,
        // Not locked here, because cancelRuns must lock the queue entry before the run, as a claim does.
        'SELECT job_id AS "jobId", job, state FROM runs WHERE id = $1',
        [id],
      );
      if (!run) throw new RunNotFoundError(id);
      const { ended, running } = await cancelRuns(tx, [id], 'user');
      if (ended.length + running === 0) throw new RunFinishedError(id, (await findRun(tx, id)).state);
      this.metrics.ended(tx, ended);
      // A run that is still running releases the held ones when it is settled. This releases them if the run ended
      // here.
      await releaseHeld(tx, [run.jobId]);
      await notify(tx, running > 0 ? 'cancel' : 'runs');
      const cancelled = await findRun(tx, id);
      await audit(tx, actor, {
        action: 'run.cancel',
        target: id,
        job: run.job,
        before: { state: running > 0 ? 'running' : run.state },
        after: { state: cancelled.state, cancelReason: 'user' },
      });
      return cancelled;
    });
  }

  logs(id: string, query: z.output<typeof logsQuery>): Promise<Page<LogLineView>> {
    return this.database.transaction((tx) => readLogs(tx, id, query));
  }
}
