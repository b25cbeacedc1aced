import { isDeepStrictEqual } from 'node:util';
import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { type Actor, requireRole } from '../../auth/actor.js';
import { audit } from '../../auth/audit.js';
import { ApiDatabase } from '../../database/api-database.js';
import { databaseNow } from '../../database/database-now.js';
import { API } from '../../http/api.js';
import { notify } from '../../replicas/notify.js';
import { findRun } from '../../runs/api/read-runs.js';
import type { RunView } from '../../runs/api/run.view.js';
import { createRuns } from '../../runs/lifecycle/create-runs.js';
import { withIdempotencyKey } from '../../runs/lifecycle/idempotency-keys.js';
import { copyOfRun, findRepeatable } from '../../runs/lifecycle/repeat-run.js';
import type { Run } from '../../runs/lifecycle/run.entity.js';
import { RunMetrics } from '../../runs/worker/run-metrics.js';
import { Job } from '../definition/job.entity.js';
import { createRequestedRun } from '../dispatch/create-requested-run.js';

/** Repeats finished runs. */
@Injectable()
export class Retry {
  constructor(
    private readonly database: ApiDatabase,
    private readonly metrics: RunMetrics,
  ) {}

  /** Queues a copy of a finished run, as the overlap policy of its job says. A request that repeats an idempotency `key` returns the
   *  run of the first request. Throws RUN_NOT_FOUND, RUN_NOT_FINISHED, RUN_NEVER_STARTED, ROLE_TOO_LOW, JOB_BUSY,
   *  IDEMPOTENCY_KEY_REUSED. */
  retry(id: string, actor: Actor, key?: string): Promise<RunView> {
    return this.database.transaction(async (tx) => {
      const [created] = await withIdempotencyKey(tx, key, { retry: id }, () => this.queueRetry(tx, id, actor));
      return findRun(tx, created!);
    });
  }

  private async queueRetry(tx: EntityManager, id: string, actor: Actor): Promise<string[]> {
    const run = await findRepeatable(tx, id);
    // Null: the job was deleted. A later job of the same name is another one.
    const job = await tx
      .createQueryBuilder(Job, 'job')
      .where('job.id = :id', { id: run.jobId })
      .setLock('pessimistic_write')
      .getOne();
    requireRoleForInput(actor, run, job);
    const created = await this.create(tx, run, job);
    await audit(tx, actor, { action: 'run.retry', target: id, job: run.job, before: null, after: { run: created } });
    return [created];
  }

  private async create(tx: EntityManager, run: Run, job: Job | null): Promise<string> {
    if (job) {
      const { id, ended } = await createRequestedRun(tx, job, (now) => copyOfRun(run, now));
      this.metrics.ended(tx, ended);
      return id;
    }
    const now = await databaseNow(tx);
    const draft = copyOfRun(run, now);
    const [created] = await createRuns(tx, now, [draft], draft);
    await notify(tx, 'runs');
    return created!.id;
  }
}

/** As for a manual run: only an admin may run a job with a task and an input that are not its own. */
function requireRoleForInput(actor: Actor, run: Run, job: Job | null): void {
  if (job?.task === run.task && isDeepStrictEqual(job.input, run.input)) return;
  const why = job
    ? `to retry a run with another task or input than its job has now (POST /${API}/jobs/${job.name}/run runs the job as it is)`
    : 'to retry a run of a job that was deleted';
  requireRole(actor, 'admin', why);
}
