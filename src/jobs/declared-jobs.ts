import { isDeepStrictEqual } from 'node:util';
import { Inject, Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import type { EntityManager } from 'typeorm';
import type { Actor } from '../auth/actor.js';
import { audit } from '../auth/audit.js';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
import { SchedulerDatabase } from '../database/scheduler-database.js';
import { notify } from '../queue/notify.js';
import { Replicas } from '../queue/replicas.js';
import { RunQueue } from '../queue/run-queue.js';
import { auditedJob } from './audited-job.js';
import { Dispatcher } from './dispatcher.js';
import { JobManagedElsewhereError } from './job-errors.js';
import { Job, type JobSource } from './job.entity.js';
import { databaseNow } from './job-rows.js';
import type { JobDefinition } from './job.schema.js';
import { definitionOf, insertJob, updateJob } from './save-job.js';
import { liveApps, sweepJobs } from './sweep-jobs.js';

export type DeclaredSource = Exclude<JobSource, 'api'>;

/** Brings the jobs of code and of the jobs file into the table, once however many replicas declare the same. */
@Injectable()
export class DeclaredJobs {
  constructor(
    @Inject(ENVIRONMENT) private readonly environment: Environment,
    private readonly database: SchedulerDatabase,
    private readonly dispatcher: Dispatcher,
    private readonly queue: RunQueue,
    private readonly replicas: Replicas,
    private readonly logger: PinoLogger,
  ) {}

  /** Creates and updates; what is the same is not touched, so its `nextRunAt` stays. `again`: creates only, since this process has
   *  said it all before, and what differs is of a build that started later. Throws, and changes nothing, when a name belongs to
   *  another app or to the API. */
  async declare(source: DeclaredSource, definitions: Map<string, JobDefinition>, again = false): Promise<void> {
    const changed = await this.database.transaction(async (tx) => {
      await this.lock(tx);
      const names = [...definitions.keys()].toSorted();
      const existing = await this.existing(tx, names);
      const now = await databaseNow(tx);
      const apps = await liveApps(tx);
      let changes = 0;
      for (const name of names) {
        const [job, definition] = [existing.get(name), definitions.get(name)!];
        if (job && this.isForeign(job, apps)) this.refuse(job, source, definition, now);
        else if (!(job && again) && (await this.save(tx, source, name, definition, job, now))) changes += 1;
      }
      await tx.query(`UPDATE replicas SET ${source}_jobs = $2 WHERE number = $1`, [this.replicas.number, names]);
      if (changes > 0) await notify(tx, this.environment.DATABASE_SCHEMA, 'jobs');
      return changes;
    }, 60_000);
    this.logger.info({ source, jobs: definitions.size, changed }, 'jobs declared');
  }

  /** Deletes the jobs of this app that a live replica of it could declare and none does. */
  async sweep(): Promise<void> {
    const deleted = await this.database.transaction(async (tx) => {
      await this.lock(tx);
      return sweepJobs(tx, this.queue, this.environment.APP_NAME, (source) => this.actor(source));
    });
    if (deleted.length > 0) this.logger.info({ jobs: deleted }, 'jobs that nobody declares deleted');
  }

  /** Whoever wrote the declaration is not known here: it came with this replica. */
  private actor(source: JobSource): Actor {
    return { name: source, role: null, origin: this.replicas.name };
  }

  private async lock(tx: EntityManager): Promise<void> {
    await tx.query('SELECT pg_advisory_xact_lock(hashtext($1))', [
      `cronzimus declare ${this.environment.DATABASE_SCHEMA}`,
    ]);
  }

  /** A job of the API, or of an app that lives. What nobody is left to declare goes to whoever does. */
  private isForeign({ owner }: Job, apps: Set<string>): boolean {
    return owner !== this.environment.APP_NAME && (owner === null || apps.has(owner));
  }

  /** Two apps may well declare the same of the same name, as they do with the jobs that are built in. */
  private refuse(job: Job, source: JobSource, declared: JobDefinition, now: Date): void {
    const defaults = { timeZone: this.environment.DEFAULT_TIME_ZONE, now };
    const same = isDeepStrictEqual(definitionOf(declared, job, defaults), definitionOf(job, job, defaults));
    if (job.source !== source || !same) throw new JobManagedElsewhereError(job.name, source, job.source, job.owner);
  }

  private async existing(tx: EntityManager, names: string[]): Promise<Map<string, Job>> {
    const jobs = await tx
      .createQueryBuilder(Job, 'job')
      .where('job.name = ANY(:names)', { names })
      .orderBy('job.name')
      .setLock('pessimistic_write')
      .getMany();
    return new Map(jobs.map((job) => [job.name, job]));
  }

  /** False when the job is the same already. */
  private async save(
    tx: EntityManager,
    source: JobSource,
    name: string,
    declared: JobDefinition,
    job: Job | undefined,
    now: Date,
  ): Promise<boolean> {
    const defaults = { timeZone: this.environment.DEFAULT_TIME_ZONE, now };
    const definition = definitionOf(declared, job, defaults);
    const owned = { source, owner: this.environment.APP_NAME };
    const edited = { ...definition, ...owned };
    const entry = { target: name, job: name, after: auditedJob({ ...edited, name, version: (job?.version ?? 0) + 1 }) };
    if (!job) {
      await insertJob(tx, { name, ...edited }, now);
      await audit(tx, this.actor(source), { action: 'job.create', ...entry, before: null });
      return true;
    }
    if (
      job.source === source &&
      job.owner === owned.owner &&
      isDeepStrictEqual(definition, definitionOf(job, job, defaults))
    )
      return false;
    // First what is due under the old definition, as it was promised.
    const [decision] = await this.dispatcher.dispatch(tx, [job], now);
    await updateJob(tx, job, edited, decision!.next, now);
    await audit(tx, this.actor(source), { action: 'job.update', ...entry, before: auditedJob(job) });
    return true;
  }
}
