import { Inject, Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
import { openTrigger } from '../core/triggers/trigger.js';
import { ApiDatabase } from '../database/api-database.js';
import type { Page } from '../http/page.js';
import { notify } from '../queue/notify.js';
import { RunQueue } from '../queue/run-queue.js';
import { recordRuns } from '../runs/record-runs.js';
import { findRun } from '../runs/read-runs.js';
import type { RunView } from '../runs/run.view.js';
import { TaskRegistry } from '../tasks/task.registry.js';
import { copyOf } from './decide.js';
import { JobBusyError, JobNotFoundError } from './job-errors.js';
import { Job } from './job.entity.js';
import { busyJobs, databaseNow } from './job-rows.js';
import type { JobView } from './job.view.js';
import { type JobsQuery, listJobs, viewsOf } from './list-jobs.js';

/** The jobs, for whoever asks over the API. */
@Injectable()
export class Jobs {
  constructor(
    @Inject(ENVIRONMENT) private readonly environment: Environment,
    private readonly database: ApiDatabase,
    private readonly queue: RunQueue,
    private readonly tasks: TaskRegistry,
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

  /** The next `count` nominal instants, whether the job is paused or not. Throws JOB_NOT_FOUND. */
  async upcoming(name: string, count: number): Promise<Date[]> {
    const { job, now } = await this.database.transaction(async (tx) => ({
      job: await this.find(tx, name),
      now: await databaseNow(tx),
    }));
    const trigger = openTrigger(job.trigger, job.id);
    const occurrences: Date[] = [];
    // A pause leaves occurrences behind that will not run.
    let at = job.nextOccurrenceAt && job.nextOccurrenceAt < now ? trigger.next(now) : job.nextOccurrenceAt;
    while (at && occurrences.length < count) {
      occurrences.push(at);
      at = trigger.next(at);
    }
    return occurrences;
  }

  /** Queues one run beside the schedule, which stays as it is. `input` takes the place of the job's. Throws JOB_NOT_FOUND, JOB_BUSY, INVALID_INPUT. */
  runNow(name: string, input?: object): Promise<RunView> {
    return this.database.transaction(async (tx) => {
      const job = await this.find(tx, name, true);
      if (input) await this.tasks.validate(job.task, input);
      const busy = await busyJobs(tx, [job.id]);
      if (job.overlap === 'skip' && busy.size > 0) throw new JobBusyError(name);
      const now = await databaseNow(tx);
      const manual = { kind: 'manual', state: 'pending', reason: null, scheduledAt: now, dueAt: now } as const;
      const [id] = await recordRuns(tx, this.queue, now, [{ ...copyOf(job), ...manual, input: input ?? job.input }]);
      await notify(tx, this.environment.DATABASE_SCHEMA, 'runs');
      return findRun(tx, id!);
    });
  }

  private async find(tx: EntityManager, name: string, locked = false): Promise<Job> {
    const query = tx.createQueryBuilder(Job, 'job').where('job.name = :name', { name });
    const job = await (locked ? query.setLock('pessimistic_write') : query).getOne();
    if (!job) throw new JobNotFoundError(name);
    return job;
  }
}
