import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Actor } from '../../auth/actor.js';
import { audit } from '../../auth/audit.js';
import { occurrencesFrom } from '../../core/triggers/occurrences-from.js';
import { openTrigger } from '../../core/triggers/trigger.js';
import { ApiDatabase } from '../../database/api-database.js';
import { databaseNow } from '../../database/database-now.js';
import { rows } from '../../database/transaction.js';
import { backgroundPriority } from '../../runs/lifecycle/run-queue.js';
import { notify } from '../../replicas/notify.js';
import { cancelRuns } from '../../runs/lifecycle/cancel-runs.js';
import { withIdempotencyKey } from '../../runs/lifecycle/idempotency-keys.js';
import { itemsOf } from '../../runs/api/read-runs.js';
import { createRuns } from '../../runs/lifecycle/create-runs.js';
import { isUnfinished } from '../../runs/lifecycle/run.entity.js';
import { RunMetrics } from '../../runs/worker/run-metrics.js';
import { BackfillInFutureError, BackfillTooLargeError, JobNotFoundError } from '../definition/job-errors.js';
import type { Job } from '../definition/job.entity.js';
import { copyOf } from '../dispatch/decide.js';
import { JobStore } from '../store/job-store.js';
import type { BackfillRequest, BackfillView } from './backfill.schema.js';

const MAX_OCCURRENCES = 10_000;
/** How many occurrences a dry run shows. */
const MAX_SHOWN = 100;
/** A backfill inserts or cancels thousands of runs. */
const MAX_STATEMENT_MS = 30_000;

/** Queues and cancels runs of past occurrences. */
@Injectable()
export class Backfill {
  constructor(
    private readonly database: ApiDatabase,
    private readonly store: JobStore,
    private readonly metrics: RunMetrics,
  ) {}

  /** Queues a run for each occurrence in [from, to) that is before the job's next one. Without `force`, those with a run that
   *  succeeded or is unfinished are left out. Throws JOB_NOT_FOUND, BACKFILL_TOO_LARGE, BACKFILL_IN_FUTURE,
   *  IDEMPOTENCY_KEY_REUSED. */
  queueBackfill(name: string, actor: Actor, request: BackfillRequest, key?: string): Promise<BackfillView> {
    return this.database.transaction(async (tx) => {
      if (request.dryRun) {
        const occurrences = await this.occurrences(tx, await this.lock(tx, name), request);
        return { count: occurrences.length, runs: [], occurrences: occurrences.slice(0, MAX_SHOWN) };
      }
      const ids = await withIdempotencyKey(tx, key, { backfill: name, ...request }, () =>
        this.queueRuns(tx, name, actor, request),
      );
      return { count: ids.length, runs: await itemsOf(tx, ids) };
    }, MAX_STATEMENT_MS);
  }

  /** Cancels all unfinished backfill runs of the job, and returns how many. Throws JOB_NOT_FOUND. */
  cancelBackfill(name: string, actor: Actor): Promise<{ count: number }> {
    return this.database.transaction(async (tx) => {
      const job = await this.lock(tx, name);
      const found = await rows<{ id: string }>(
        tx,
        `SELECT id FROM runs WHERE job_id = $1 AND kind = 'backfill' AND ${isUnfinished}`,
        [job.id],
      );
      const ids = found.map(({ id }) => id);
      const { ended, running } = await cancelRuns(tx, ids, 'user');
      this.metrics.ended(tx, ended);
      if (running > 0) await notify(tx, 'cancel');
      const after = { count: ids.length };
      const entry = { action: 'backfill.cancel', target: name, job: name, before: null, after } as const;
      if (ids.length > 0) await audit(tx, actor, entry);
      return after;
    }, MAX_STATEMENT_MS);
  }

  /** Locks the job first, so that two concurrent backfills never run the same occurrence. */
  private async queueRuns(tx: EntityManager, name: string, actor: Actor, request: BackfillRequest): Promise<string[]> {
    const job = await this.lock(tx, name);
    const occurrences = await this.occurrences(tx, job, request);
    const now = await databaseNow(tx);
    const draft = {
      ...copyOf(job),
      ...({ kind: 'backfill', state: 'pending', held: false, reason: null } as const),
      priority: backgroundPriority(job.priority),
      dueAt: now,
    };
    const drafts = occurrences.map((scheduledAt) => ({ ...draft, scheduledAt }));
    const { from, to, force } = request;
    const after = { from, to, force, count: drafts.length };
    const entry = { action: 'job.backfill', target: name, job: name, before: null, after } as const;
    if (drafts.length > 0) await audit(tx, actor, entry);
    await notify(tx, 'runs');
    const made = await createRuns(tx, now, drafts, draft);
    return made.map(({ id }) => id);
  }

  private async occurrences(tx: EntityManager, job: Job, { from, to, force }: BackfillRequest): Promise<Date[]> {
    const next = job.nextOccurrenceAt;
    if (next && from >= next) throw new BackfillInFutureError(next);
    const before = next && next < to ? next : to;
    const all = await occurrencesIn(job, from, before);
    if (force) return all;
    const done = await rows<{ at: Date }>(tx, succeededOrUnfinished, [job.id, from, before]);
    const left = new Set(all.map(Number));
    for (const { at } of done) left.delete(at.getTime());
    return all.filter((at) => left.has(at.getTime()));
  }

  private async lock(tx: EntityManager, name: string): Promise<Job> {
    const job = (await this.store.lock(tx, [name])).get(name);
    if (!job) throw new JobNotFoundError(name);
    return job;
  }
}

async function occurrencesIn(job: Job, from: Date, before: Date): Promise<Date[]> {
  const trigger = openTrigger(job.trigger, job.id);
  const first = trigger.next(new Date(from.getTime() - 1));
  const found = await occurrencesFrom(trigger, first, MAX_OCCURRENCES + 1, before);
  if (found.length > MAX_OCCURRENCES) throw new BackfillTooLargeError(MAX_OCCURRENCES);
  return found;
}

// Two statements, because each of these pairs of kinds has its own index.
const inRange = `job_id = $1 AND scheduled_at >= $2 AND scheduled_at < $3
  AND (${isUnfinished} OR state = 'succeeded')`;
const succeededOrUnfinished = `
  SELECT scheduled_at AS at FROM runs WHERE ${inRange} AND kind IN ('schedule', 'catch_up')
  UNION ALL SELECT scheduled_at FROM runs WHERE ${inRange} AND kind IN ('backfill', 'retry')`;
