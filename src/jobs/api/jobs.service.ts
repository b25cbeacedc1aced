import { isDeepStrictEqual } from 'node:util';
import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Actor } from '../../auth/actor.js';
import { audit } from '../../auth/audit.js';
import type { Caller } from '../../compute/caller.js';
import { Compute } from '../../compute/compute.js';
import { ApiDatabase } from '../../database/api-database.js';
import { databaseNow } from '../../database/database-now.js';
import type { Page } from '../../http/page.js';
import { notify } from '../../replicas/notify.js';
import { withIdempotencyKey } from '../../runs/lifecycle/idempotency-keys.js';
import { findRun } from '../../runs/api/read-runs.js';
import { RunMetrics } from '../../runs/worker/run-metrics.js';
import type { RunView } from '../../runs/api/run.view.js';
import { publishedTasks } from '../../tasks/published-tasks.js';
import { TaskRegistry } from '../../tasks/task.registry.js';
import { JobNotFoundError } from '../definition/job-errors.js';
import { Job } from '../definition/job.entity.js';
import { scheduleOf } from '../definition/job-fields.js';
import { upcomingFrom, withStoredNext } from '../definition/upcoming-occurrences.js';
import { createRequestedRun } from '../dispatch/create-requested-run.js';
import { copyOf } from '../dispatch/decide.js';
import { changePause, NO_TERMS, pauseJob, type PauseTerms, resumeJobs } from '../history/job-pauses.js';
import { refusePastEnd } from '../history/pause-request.js';
import { Dispatcher } from '../dispatch/dispatcher.js';
import type { JobView } from './job.view.js';
import { type JobsQuery, listJobs, viewsOf } from './list-jobs.js';

/** Lists, shows, runs, pauses and resumes jobs of every source. JobDefinitionsService changes their definitions. */
@Injectable()
export class JobsService {
  constructor(
    private readonly database: ApiDatabase,
    private readonly tasks: TaskRegistry,
    private readonly dispatcher: Dispatcher,
    private readonly metrics: RunMetrics,
    private readonly compute: Compute,
  ) {}

  list(query: JobsQuery): Promise<Page<JobView>> {
    return this.database.transaction((tx) => listJobs(tx, query));
  }

  /** Throws JOB_NOT_FOUND. */
  get(name: string): Promise<JobView> {
    return this.database.transaction(async (tx) => {
      const [view] = await viewsOf(tx, [await this.find(tx, name)]);
      return view!;
    });
  }

  /** The next `count` occurrences, without jitter, whether the job is paused or not. Throws JOB_NOT_FOUND, TOO_MANY_WAITING,
   *  COMPUTATION_FAILED. */
  async upcoming(name: string, count: number, caller: Caller): Promise<Date[]> {
    let read: { job: Job; now: Date } | undefined;
    const found = await this.compute.occurrences(caller, async () => {
      const { job, now } = (read = await this.database.transaction(async (tx) => {
        return { job: await this.find(tx, name), now: await databaseNow(tx) };
      }));
      const from = upcomingFrom(job, now);
      return from === null ? null : { schedule: scheduleOf(job), from, most: count };
    });
    return read ? withStoredNext(read.job, read.now, found, count) : found;
  }

  /** Queues one extra run; the schedule stays as it is. `input` replaces the job's input for this run. A request that repeats an
   *  idempotency `key` returns the run of the first request. Throws JOB_NOT_FOUND, JOB_BUSY, INVALID_INPUT, UNKNOWN_TASK,
   *  IDEMPOTENCY_KEY_REUSED. */
  runNow(name: string, actor: Actor, input?: object, key?: string): Promise<RunView> {
    return this.database.transaction(async (tx) => {
      const [id] = await withIdempotencyKey(tx, key, { run: name, input }, () => this.queueRun(tx, name, actor, input));
      return findRun(tx, id!);
    });
  }

  /** Lock order: the job, then the runs that the overlap policy replaces. */
  private async queueRun(tx: EntityManager, name: string, actor: Actor, input: object | undefined): Promise<string[]> {
    const job = await this.find(tx, name, true);
    if (input) await this.tasks.validate(job.task, input, () => publishedTasks(tx));
    const copied = { ...copyOf(job), input: input ?? job.input };
    const { id, ended } = await createRequestedRun(tx, job, (now) => ({ ...copied, ...manualRun(now) }));
    this.metrics.ended(tx, ended);
    const after = { run: id, input: copied.input };
    await audit(tx, actor, { action: 'job.run', target: name, job: name, before: null, after });
    return [id];
  }

  /** Stops further occurrences; running attempts continue, and manual runs are allowed. Anything already due is dispatched first. The
   *  terms replace those of a pause that goes on. Throws JOB_NOT_FOUND, UNTIL_IN_PAST. */
  pause(name: string, actor: Actor, terms: PauseTerms = NO_TERMS): Promise<JobView> {
    return this.change(name, async (tx, job, now) => {
      refusePastEnd(terms, now);
      const ended = job.paused && job.pausedUntil !== null && job.pausedUntil <= now;
      if (job.paused && !ended) return this.changeTerms(tx, job, terms, actor);
      await this.dispatcher.dispatchLocked(tx, [job], now);
      if (ended) await resumeJobs(tx, null, now, [job.id]);
      await pauseJob(tx, actor.name, now, job, terms);
      const after = { paused: true, ...(terms.reason !== null && { reason: terms.reason }) };
      const pause = { ...after, ...(terms.until && { until: terms.until }) };
      await audit(tx, actor, { ...entryOf('job.pause', name), before: { paused: false }, after: pause });
      return true;
    });
  }

  /** Ends a pause. The occurrences that fell into the pause become one `skipped` row. Throws JOB_NOT_FOUND. */
  resume(name: string, actor: Actor): Promise<JobView> {
    return this.change(name, async (tx, job, now) => {
      if (!job.paused) return false;
      await this.dispatcher.dispatchLocked(tx, [job], now);
      await resumeJobs(tx, actor.name, now, [job.id]);
      await audit(tx, actor, { ...entryOf('job.resume', name), before: { paused: true }, after: { paused: false } });
      return true;
    });
  }

  private async changeTerms(tx: EntityManager, job: Job, terms: PauseTerms, actor: Actor): Promise<boolean> {
    const before = { reason: job.pauseReason, until: job.pausedUntil };
    if (isDeepStrictEqual(before, { reason: terms.reason, until: terms.until })) return false;
    await changePause(tx, job, terms);
    await audit(tx, actor, { ...entryOf('job.pause', job.name), before, after: terms });
    return true;
  }

  /** `work` gets the job, locked, and returns whether it has changed it. */
  private change(name: string, work: (tx: EntityManager, job: Job, now: Date) => Promise<boolean>): Promise<JobView> {
    return this.database.transaction(async (tx) => {
      const job = await this.find(tx, name, true);
      if (await work(tx, job, await databaseNow(tx))) await notify(tx, 'jobs');
      const [view] = await viewsOf(tx, [await this.find(tx, name)]);
      return view!;
    });
  }

  private async find(tx: EntityManager, name: string, locked = false): Promise<Job> {
    const query = tx.createQueryBuilder(Job, 'job').where('job.name = :name', { name });
    const job = await (locked ? query.setLock('pessimistic_write') : query).getOne();
    if (!job) throw new JobNotFoundError(name);
    return job;
  }
}

const entryOf = <A extends 'job.pause' | 'job.resume'>(action: A, name: string) => ({
  action,
  target: name,
  job: name,
});

/** A manual run has no occurrence: it is scheduled for the time of the request. */
const manualRun = (now: Date) =>
  ({ kind: 'manual', state: 'pending', held: false, reason: null, scheduledAt: now, dueAt: now }) as const;
