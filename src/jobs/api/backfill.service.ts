import { isDeepStrictEqual } from 'node:util';
import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Actor } from '../../auth/actor.js';
import { audit } from '../../auth/audit.js';
import type { Caller } from '../../compute/caller.js';
import { Compute } from '../../compute/compute.js';
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
import { Job } from '../definition/job.entity.js';
import { scheduleOf } from '../definition/job-fields.js';
import { copyOf } from '../dispatch/decide.js';
import { JobStore } from '../store/job-store.js';
import type { BackfillRequest, BackfillView } from './backfill.schema.js';

const MAX_OCCURRENCES = 10_000;
/** How many occurrences a dry run shows. */
const MAX_SHOWN = 100;
/** A backfill inserts or cancels thousands of runs. */
const MAX_STATEMENT_MS = 30_000;

interface Range {
  /** As it was when the occurrences were computed. */
  job: Job;
  from: Date;
  before: Date;
  occurrences: Date[];
}

/** The occurrences are not computed yet, or the trigger of the job has changed since. */
class NoRangeError extends Error {}

/** Queues and cancels runs of past occurrences. */
@Injectable()
export class Backfill {
  constructor(
    private readonly database: ApiDatabase,
    private readonly store: JobStore,
    private readonly metrics: RunMetrics,
    private readonly compute: Compute,
  ) {}

  /** Queues a run for each occurrence in [from, to) that is before the job's next one. Without `force`, those with a run that
   *  succeeded or is unfinished are left out. Throws JOB_NOT_FOUND, BACKFILL_TOO_LARGE, BACKFILL_IN_FUTURE,
   *  IDEMPOTENCY_KEY_REUSED, TOO_MANY_WAITING, COMPUTATION_FAILED. */
  async queueBackfill(
    name: string,
    actor: Actor,
    request: BackfillRequest,
    caller: Caller,
    key?: string,
  ): Promise<BackfillView> {
    // The occurrences are computed outside of the transaction, which must not hold its locks while this waits for the thread.
    for (let range: Range | undefined; ; range = await this.rangeOf(name, request, caller)) {
      try {
        return await this.database.transaction(
          (tx) => this.backfill(tx, name, actor, request, range, key),
          MAX_STATEMENT_MS,
        );
      } catch (error) {
        if (!(error instanceof NoRangeError)) throw error;
      }
    }
  }

  private async backfill(
    tx: EntityManager,
    name: string,
    actor: Actor,
    request: BackfillRequest,
    range: Range | undefined,
    key: string | undefined,
  ): Promise<BackfillView> {
    if (request.dryRun) {
      const occurrences = await withoutRuns(tx, await this.lock(tx, name), range, request.force);
      return { count: occurrences.length, runs: [], occurrences: occurrences.slice(0, MAX_SHOWN) };
    }
    const ids = await withIdempotencyKey(tx, key, { backfill: name, ...request }, () =>
      this.queueRuns(tx, name, actor, request, range),
    );
    return { count: ids.length, runs: await itemsOf(tx, ids) };
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

  private async queueRuns(
    tx: EntityManager,
    name: string,
    actor: Actor,
    { from, to, force }: BackfillRequest,
    range: Range | undefined,
  ): Promise<string[]> {
    // Locked first, so that two concurrent backfills never run the same occurrence.
    const job = await this.lock(tx, name);
    const occurrences = await withoutRuns(tx, job, range, force);
    const now = await databaseNow(tx);
    const draft = {
      ...copyOf(job),
      ...({ kind: 'backfill', state: 'pending', held: false, reason: null } as const),
      priority: backgroundPriority(job.priority),
      dueAt: now,
    };
    const drafts = occurrences.map((scheduledAt) => ({ ...draft, scheduledAt }));
    const after = { from, to, force, count: drafts.length };
    const entry = { action: 'job.backfill', target: name, job: name, before: null, after } as const;
    if (drafts.length > 0) await audit(tx, actor, entry);
    await notify(tx, 'runs');
    const made = await createRuns(tx, now, drafts, draft);
    return made.map(({ id }) => id);
  }

  /** The occurrences in the range of the request that are before the next one of the job. */
  private async rangeOf(name: string, { from, to }: BackfillRequest, caller: Caller): Promise<Range> {
    const job = await this.database.transaction((tx) => tx.findOneBy(Job, { name }));
    if (!job) throw new JobNotFoundError(name);
    const next = job.nextOccurrenceAt;
    if (next && from >= next) throw new BackfillInFutureError(next);
    const before = next && next < to ? next : to;
    const occurrences = await this.compute.occurrences(caller, async () => ({
      schedule: scheduleOf(job),
      from: from.getTime(),
      before: before.getTime(),
      most: MAX_OCCURRENCES + 1,
    }));
    if (occurrences.length > MAX_OCCURRENCES) throw new BackfillTooLargeError(MAX_OCCURRENCES);
    return { job, from, before, occurrences };
  }

  private async lock(tx: EntityManager, name: string): Promise<Job> {
    const job = (await this.store.lock(tx, [name])).get(name);
    if (!job) throw new JobNotFoundError(name);
    return job;
  }
}

/** The occurrences of the range without a run that succeeded or is unfinished. With `force`, all. Throws a NoRangeError. */
async function withoutRuns(tx: EntityManager, job: Job, range: Range | undefined, force: boolean): Promise<Date[]> {
  if (range?.job.id !== job.id || !isDeepStrictEqual(scheduleOf(range.job), scheduleOf(job))) throw new NoRangeError();
  const { from, before, occurrences } = range;
  if (force) return occurrences;
  const done = await rows<{ at: Date }>(tx, succeededOrUnfinished, [job.id, from, before]);
  const times = new Set(done.map(({ at }) => at.getTime()));
  return occurrences.filter((at) => !times.has(at.getTime()));
}

// Two statements, because each of these pairs of kinds has its own index.
const inRange = `job_id = $1 AND scheduled_at >= $2 AND scheduled_at < $3
  AND (${isUnfinished} OR state = 'succeeded')`;
const succeededOrUnfinished = `
  SELECT scheduled_at AS at FROM runs WHERE ${inRange} AND kind IN ('schedule', 'catch_up')
  UNION ALL SELECT scheduled_at FROM runs WHERE ${inRange} AND kind IN ('backfill', 'retry')`;
