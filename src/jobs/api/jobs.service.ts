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

  /** Stops further occurrences; running attempts continue, and manual runs are allowed. Anything already due is dispatched first.
   *  Throws JOB_NOT_FOUND. */
  pause(name: string, actor: Actor): Promise<JobView> {
    return this.setPaused(name, true, actor);
  }

  /** Ends a pause. The occurrences that fell into the pause become one `skipped` row. Throws JOB_NOT_FOUND. */
  resume(name: string, actor: Actor): Promise<JobView> {
    return this.setPaused(name, false, actor);
  }

  private setPaused(name: string, paused: boolean, actor: Actor): Promise<JobView> {
    return this.database.transaction(async (tx) => {
      const job = await this.find(tx, name, true);
      if (job.paused !== paused) {
        await this.dispatcher.dispatchLocked(tx, [job], await databaseNow(tx));
        // A job in code or in a jobs file keeps the `paused` of its declaration. A job of the API is declared by its row alone.
        await tx.query(
          `UPDATE jobs SET paused = $2, declared_paused = CASE source WHEN 'api' THEN $2 ELSE declared_paused END,
             updated_at = statement_timestamp() WHERE id = $1`,
          [job.id, paused],
        );
        const [action, before, after] = [paused ? 'job.pause' : 'job.resume', { paused: !paused }, { paused }] as const;
        await audit(tx, actor, { action, target: name, job: name, before, after });
        await notify(tx, 'jobs');
      }
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

/** A manual run has no occurrence: it is scheduled for the time of the request. */
const manualRun = (now: Date) =>
  ({ kind: 'manual', state: 'pending', held: false, reason: null, scheduledAt: now, dueAt: now }) as const;
