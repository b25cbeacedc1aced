import { isDeepStrictEqual } from 'node:util';
import { Inject, Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Actor } from '../../auth/actor.js';
import { audit } from '../../auth/audit.js';
import { ENVIRONMENT, type Environment } from '../../config/environment.js';
import { cancelRunsOfJobs } from '../../runs/lifecycle/cancel-runs.js';
import { RunMetrics } from '../../runs/worker/run-metrics.js';
import { auditedJob } from '../definition/audited-job.js';
import { Dispatcher } from '../dispatch/dispatcher.js';
import { Job, type JobSource } from '../definition/job.entity.js';
import type { JobDefinition } from '../definition/job.schema.js';
import { definitionOf, insertJobs, updateJob } from './save-job.js';

/** Jobs in one statement, which then takes about 0.1 s. */
const BATCH = 500;

export interface WantedJob {
  name: string;
  definition: JobDefinition;
  source: JobSource;
  /** The APP_NAME that declares it; null for `api`. */
  owner: string | null;
}

export interface JobEdit {
  change: 'created' | 'updated' | 'unchanged';
  /** Null: it was created. */
  before: Job | null;
  after: Job;
}

/** Makes, changes and deletes jobs within the caller's transaction, whether code, a file or the API asks, and writes down who
 *  did. The caller notifies. */
@Injectable()
export class JobEditor {
  constructor(
    @Inject(ENVIRONMENT) private readonly environment: Environment,
    private readonly dispatcher: Dispatcher,
    private readonly metrics: RunMetrics,
  ) {}

  /** Locks those of these names that there are. */
  async lock(tx: EntityManager, names: string[]): Promise<Map<string, Job>> {
    const jobs = await tx
      .createQueryBuilder(Job, 'job')
      .where('job.name = ANY(:names)', { names })
      .orderBy('job.name')
      .setLock('pessimistic_write')
      .getMany();
    return new Map(jobs.map((job) => [job.name, job]));
  }

  /** Whether saving would leave the stored job as it is. */
  isSame(job: Job, wanted: WantedJob, now: Date): boolean {
    const owned = job.source === wanted.source && job.owner === wanted.owner;
    return owned && isDeepStrictEqual(this.definition(wanted.definition, job, now), this.definition(job, job, now));
  }

  /** Creates the job, or changes `job`, which the transaction has locked; what is due of it under the old definition is disposed
   *  of first. What is the same is not touched, so its `nextRunAt` stays. Null: one of that name was made meanwhile; lock again. */
  async save(
    tx: EntityManager,
    actor: Actor,
    wanted: WantedJob,
    job: Job | undefined,
    now: Date,
  ): Promise<JobEdit | null> {
    if (!job) {
      const [made] = await this.create(tx, actor, [wanted], now);
      return made ? { change: 'created', before: null, after: made } : null;
    }
    if (this.isSame(job, wanted, now)) return { change: 'unchanged', before: job, after: job };
    const [decision] = await this.dispatcher.dispatchLocked(tx, [job], now);
    const { name, source, owner } = wanted;
    const edited = { ...this.definition(wanted.definition, job, now), source, owner };
    const after = await updateJob(tx, job, edited, decision!.next, now);
    const entry = { target: name, job: name, before: auditedJob(job), after: auditedJob(after) };
    await audit(tx, actor, { action: 'job.update', ...entry });
    return { change: 'updated', before: job, after };
  }

  /** Creates jobs, many at once; answers those that were made, without those whose name somebody has taken meanwhile. */
  async create(tx: EntityManager, actor: Actor, wanted: WantedJob[], now: Date): Promise<Job[]> {
    const made: Job[] = [];
    for (let from = 0; from < wanted.length; from += BATCH) {
      const batch = wanted.slice(from, from + BATCH).map(({ name, definition, source, owner }) => {
        return { name, ...this.definition(definition, undefined, now), source, owner };
      });
      const jobs = await insertJobs(tx, batch, now);
      const entries = jobs.map((job) => {
        return { action: 'job.create', target: job.name, job: job.name, before: null, after: auditedJob(job) } as const;
      });
      await audit(tx, actor, ...entries);
      made.push(...jobs);
    }
    return made;
  }

  /** Deletes jobs, which the transaction has locked. What is due of them gets its row, and is cancelled with all else that has not
   *  started; running attempts end as they will, and are the last of their runs. */
  async remove(tx: EntityManager, actorOf: (source: JobSource) => Actor, jobs: Job[], now: Date): Promise<void> {
    // Nothing that runs is to be replaced.
    let left = jobs.map((job) => Object.assign(new Job(), job, { overlap: 'allow' }));
    while (left.length > 0) left = left.slice((await this.dispatcher.dispatchLocked(tx, left, now)).length);
    const ids = jobs.map(({ id }) => id);
    await tx.query('DELETE FROM jobs WHERE id = ANY($1)', [ids]);
    this.metrics.ended(tx, await cancelRunsOfJobs(tx, ids));
    for (const job of jobs) {
      const entry = { target: job.name, job: job.name, before: auditedJob(job), after: null };
      await audit(tx, actorOf(job.source), { action: 'job.delete', ...entry });
    }
  }

  private definition(written: JobDefinition | Job, job: Job | undefined, now: Date) {
    return definitionOf(written, job, { timeZone: this.environment.DEFAULT_TIME_ZONE, now });
  }
}
