import { Inject, Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import type { EntityManager } from 'typeorm';
import type { Actor } from '../../auth/actor.js';
import { ENVIRONMENT, type Environment } from '../../config/environment.js';
import { describeHolders, type Query } from '../../database/lock-holders.js';
import { SchedulerDatabase } from '../../database/scheduler-database.js';
import { rows } from '../../database/transaction.js';
import { notify } from '../../replicas/notify.js';
import { Replicas } from '../../replicas/replicas.js';
import type { Job, JobSource } from '../definition/job.entity.js';
import { JobNameTakenError } from '../definition/job-errors.js';
import type { JobDefinition } from '../definition/job.schema.js';
import { JobStore, type WantedJob } from '../store/job-store.js';
import { hasUndeclared, sweepJobs } from './sweep-jobs.js';

export type DeclaredSource = Exclude<JobSource, 'api'>;

const MAX_STATEMENT_MS = 60_000;
/** How often the log says who holds the lock that a declaration waits for. */
const HOLDER_EVERY_MS = 5_000;

/** Writes the jobs of code and of the jobs file to the table. An advisory lock lets one replica at a time declare or sweep, so any
 *  number of replicas may declare the same jobs. Lock order: the advisory lock, then jobs by name. */
@Injectable()
export class DeclaredJobs {
  constructor(
    @Inject(ENVIRONMENT) private readonly environment: Environment,
    private readonly database: SchedulerDatabase,
    private readonly store: JobStore,
    private readonly replicas: Replicas,
    private readonly logger: PinoLogger,
  ) {}

  /** Creates and updates jobs. An unchanged job is not written, so its `nextRunAt` stays. Throws JOB_MANAGED_ELSEWHERE, and
   *  changes nothing, when a name belongs to another app or to the API. */
  declare(source: DeclaredSource, definitions: Map<string, JobDefinition>): Promise<void> {
    return this.write(source, definitions, (stored, wanted, apps, now) =>
      stored && this.isForeign(stored, apps) ? this.refuseDifference(stored, wanted, now) : wanted,
    );
  }

  /** Creates only the jobs that are missing. A stored job that differs comes from a build that started later, so it stays. */
  restore(source: DeclaredSource, definitions: Map<string, JobDefinition>): Promise<void> {
    return this.write(source, definitions, (stored, wanted) => (stored ? null : wanted));
  }

  /** Deletes the jobs of this app that its live replicas could declare and none of them does. */
  async sweep(): Promise<void> {
    const { APP_NAME, DATABASE_SCHEMA } = this.environment;
    if (!(await hasUndeclared(this.database, DATABASE_SCHEMA, APP_NAME))) return;
    const deleted = await this.database.transaction(async (tx) => {
      await this.lock(tx);
      return sweepJobs(tx, DATABASE_SCHEMA, this.store, APP_NAME, (source) => this.actor(source));
    });
    if (deleted.length > 0) this.logger.info({ jobs: deleted }, 'undeclared jobs deleted');
  }

  private async write(
    source: DeclaredSource,
    definitions: Map<string, JobDefinition>,
    resolve: (stored: Job | undefined, wanted: WantedJob, apps: Set<string>, now: Date) => WantedJob | null,
  ): Promise<void> {
    const changed = await this.database.transaction(async (tx) => {
      await this.lock(tx);
      const names = [...definitions.keys()].toSorted();
      const apps = await liveApps(tx);
      const jobs = names.map((name) => {
        const wanted = { name, definition: definitions.get(name)!, source, owner: this.environment.APP_NAME };
        return [name, (stored: Job | undefined, now: Date) => resolve(stored, wanted, apps, now)] as const;
      });
      const saved = await this.store.saveJobs(tx, this.actor(source), new Map(jobs));
      const changes = [...saved.values()].filter(({ change }) => change !== 'unchanged').length;
      await tx.query(`UPDATE replicas SET ${source}_jobs = $2 WHERE number = $1`, [this.replicas.number, names]);
      if (changes > 0) await notify(tx, 'jobs');
      return changes;
    }, MAX_STATEMENT_MS);
    this.logger.info({ source, jobs: definitions.size, changed }, 'jobs declared');
  }

  /** The author of a declaration is unknown here, so the audit names the source and this replica. */
  private actor(source: JobSource): Actor {
    return { name: source, role: null, origin: this.replicas.name };
  }

  private async lock(tx: EntityManager): Promise<void> {
    const name = `cronzimus declare ${this.environment.DATABASE_SCHEMA}`;
    const waiting = setInterval(() => void this.logHolders(name), HOLDER_EVERY_MS);
    try {
      await tx.query('SELECT pg_advisory_xact_lock(hashtext($1))', [name]);
    } finally {
      clearInterval(waiting);
    }
  }

  /** On another connection than the one that waits. */
  private async logHolders(name: string): Promise<void> {
    const query: Query = (text, values) => this.database.statement(text, values);
    const holders = await describeHolders(query, { name }).catch((error: Error) => error.message);
    this.logger.warn(`the declaration of jobs waits for a lock; ${holders}`);
  }

  /** Whether the job belongs to the API or to another app with a live replica. The jobs of an app without one may be taken over. */
  private isForeign({ owner }: Job, apps: Set<string>): boolean {
    return owner !== this.environment.APP_NAME && (owner === null || apps.has(owner));
  }

  /** Two apps may declare the same job, as they do with the built-in jobs: it stays with its owner. */
  private refuseDifference(stored: Job, wanted: WantedJob, now: Date): null {
    if (this.store.isUnchanged(stored, { ...wanted, owner: stored.owner }, now)) return null;
    throw new JobNameTakenError(stored.name, wanted.source, stored.source, stored.owner);
  }
}

async function liveApps(tx: EntityManager): Promise<Set<string>> {
  const apps = await rows<{ app: string }>(tx, 'SELECT DISTINCT app FROM replicas');
  return new Set(apps.map(({ app }) => app));
}
