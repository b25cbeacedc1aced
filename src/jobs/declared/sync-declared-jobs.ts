import { Inject, Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import type { EntityManager } from 'typeorm';
import type { Actor } from '../../auth/actor.js';
import { ENVIRONMENT, type Environment } from '../../config/environment.js';
import { databaseNow } from '../../database/database-now.js';
import { SchedulerDatabase } from '../../database/scheduler-database.js';
import { notify } from '../../replicas/notify.js';
import { Replicas } from '../../replicas/replicas.js';
import { JobEditor, type WantedJob } from '../store/job-editor.js';
import { JobManagedElsewhereError } from '../definition/job-errors.js';
import type { Job, JobSource } from '../definition/job.entity.js';
import type { JobDefinition } from '../definition/job.schema.js';
import { hasUndeclared, liveApps, sweepJobs } from './sweep-jobs.js';

export type DeclaredSource = Exclude<JobSource, 'api'>;

/** Brings the jobs of code and of the jobs file into the table, once however many replicas declare the same. */
@Injectable()
export class DeclaredJobs {
  constructor(
    @Inject(ENVIRONMENT) private readonly environment: Environment,
    private readonly database: SchedulerDatabase,
    private readonly editor: JobEditor,
    private readonly replicas: Replicas,
    private readonly logger: PinoLogger,
  ) {}

  /** Creates and updates; what is the same is not touched, so its `nextRunAt` stays. Throws, and changes nothing, when a name belongs to another app or to the API. */
  declare(source: DeclaredSource, definitions: Map<string, JobDefinition>): Promise<void> {
    return this.bring(source, definitions, false);
  }

  /** Creates what is missing, and leaves what is there as it is: what differs is of a build that started later. */
  restore(source: DeclaredSource, definitions: Map<string, JobDefinition>): Promise<void> {
    return this.bring(source, definitions, true);
  }

  private async bring(source: DeclaredSource, definitions: Map<string, JobDefinition>, missingOnly: boolean) {
    const changed = await this.database.transaction(async (tx) => {
      await this.lock(tx);
      const names = [...definitions.keys()].toSorted();
      const existing = await this.editor.lock(tx, names);
      const now = await databaseNow(tx);
      const apps = await liveApps(tx);
      const wanted = names.map((name) => {
        return { name, definition: definitions.get(name)!, source, owner: this.environment.APP_NAME };
      });
      const missing = wanted.filter(({ name }) => !existing.has(name));
      const made = new Set((await this.editor.create(tx, this.actor(source), missing, now)).map(({ name }) => name));
      let changes = made.size;
      for (const job of missingOnly ? missing : wanted) {
        if (made.has(job.name)) continue;
        if (await this.save(tx, job, existing.get(job.name), apps, now)) changes += 1;
      }
      await tx.query(`UPDATE replicas SET ${source}_jobs = $2 WHERE number = $1`, [this.replicas.number, names]);
      if (changes > 0) await notify(tx, 'jobs');
      return changes;
    }, 60_000);
    this.logger.info({ source, jobs: definitions.size, changed }, 'jobs declared');
  }

  /** Deletes the jobs of this app that a live replica of it could declare and none does. */
  async sweep(): Promise<void> {
    const { APP_NAME, DATABASE_SCHEMA } = this.environment;
    if (!(await hasUndeclared(this.database, DATABASE_SCHEMA, APP_NAME))) return;
    const deleted = await this.database.transaction(async (tx) => {
      await this.lock(tx);
      return sweepJobs(tx, DATABASE_SCHEMA, this.editor, APP_NAME, (source) => this.actor(source));
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

  /** True when something was written. */
  private async save(
    tx: EntityManager,
    wanted: WantedJob,
    job: Job | undefined,
    apps: Set<string>,
    now: Date,
  ): Promise<boolean> {
    if (job && this.isForeign(job, apps)) {
      this.refuse(job, wanted, now);
      return false;
    }
    const edit = await this.editor.save(tx, this.actor(wanted.source), wanted, job, now);
    if (edit) return edit.change !== 'unchanged';
    return this.save(tx, wanted, (await this.editor.lock(tx, [wanted.name])).get(wanted.name), apps, now);
  }

  /** Two apps may well declare the same of the same name, as they do with the jobs that are built in. */
  private refuse(job: Job, wanted: WantedJob, now: Date): void {
    if (!this.editor.isSame(job, { ...wanted, owner: job.owner }, now))
      throw new JobManagedElsewhereError(job.name, wanted.source, job.source, job.owner);
  }
}
