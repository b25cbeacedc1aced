import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Actor } from '../../auth/actor.js';
import { inSlices } from '../../core/slices.js';
import { ApiDatabase } from '../../database/api-database.js';
import { databaseNow } from '../../database/database-now.js';
import { notify } from '../../replicas/notify.js';
import { Job } from '../definition/job.entity.js';
import { JobsManagedElsewhereError } from '../definition/job-errors.js';
import type { WrittenDefinition } from '../definition/job.schema.js';
import { findJobs } from '../dispatch/due-jobs.js';
import { withPause } from '../store/complete-definition.js';
import { JobStore, type SavedJob, type WantedJob } from '../store/job-store.js';
import { changesOf, differenceOf, type ImportReport } from './import-report.js';

export interface ImportOptions {
  /** Reports what would change, and changes nothing. */
  dryRun: boolean;
  /** Deletes the API's jobs that the file does not name. */
  prune: boolean;
}

/** Two imports of thousands of jobs may wait for each other's locks. */
const MAX_STATEMENT_MS = 60_000;

/** Creates, changes and deletes jobs of source `api` until they are as a jobs file has them: all of the file, or nothing. */
@Injectable()
export class JobsImport {
  constructor(
    private readonly database: ApiDatabase,
    private readonly store: JobStore,
  ) {}

  /** The file may name jobs of other sources, if it has them as they are. Throws JOB_MANAGED_ELSEWHERE, which lists those that
   *  differ. */
  apply(
    definitions: Map<string, WrittenDefinition>,
    actor: Actor,
    { dryRun, prune }: ImportOptions,
  ): Promise<ImportReport> {
    const work = async (tx: EntityManager) => {
      const report = await this.import(tx, definitions, actor, prune);
      // Rolls the whole transaction back. After a rollback to a savepoint, the listeners of the commit would be called.
      if (dryRun) throw new DryRunDone(report);
      return report;
    };
    return this.database.transaction(work, MAX_STATEMENT_MS).catch((error: unknown) => {
      if (error instanceof DryRunDone) return error.report;
      throw error;
    });
  }

  private async import(tx: EntityManager, definitions: Map<string, WrittenDefinition>, actor: Actor, prune: boolean) {
    const wanted = [...definitions].map(([name, definition]): ImportedJob => ({
      name,
      definition,
      source: 'api',
      owner: null,
    }));
    const differing = await this.findDiffering(tx, wanted);
    const surplus = prune ? await namesExcept(tx, [...definitions.keys()]) : [];
    // All locks at once, in the order of names, so that two imports cannot deadlock. Unchanged jobs stay unlocked: the dispatcher
    // skips locked jobs.
    const locked = await this.store.lock(tx, [...differing.map(({ name }) => name), ...surplus]);
    const saved = await this.store.saveJobs(
      tx,
      actor,
      new Map(differing.map((job) => [job.name, (stored: Job | undefined) => unlessForeign(stored, job)])),
      locked,
    );
    const now = await databaseNow(tx);
    const report: ImportReport = { created: [], updated: [], unchanged: [], deleted: [] };
    const step = inSlices();
    for (const { name } of wanted) {
      addTo(report, name, saved.get(name), now);
      await step();
    }
    const gone = surplus.flatMap((name) => locked.get(name) ?? []).filter(({ source }) => source === 'api');
    if (gone.length > 0) await this.store.deleteJobs(tx, () => actor, gone, now);
    for (const job of gone) {
      report.deleted.push(differenceOf(job.name, job, null, now));
      await step();
    }
    await notify(tx, 'jobs');
    return report;
  }

  /** Without locks. */
  private async findDiffering(tx: EntityManager, wanted: ImportedJob[]): Promise<ImportedJob[]> {
    const names = wanted.map(({ name }) => name);
    const stored = await findJobs(tx, names);
    const now = await databaseNow(tx);
    const differing: ImportedJob[] = [];
    const step = inSlices();
    for (const job of wanted) {
      const existing = stored.get(job.name);
      if (!existing || !this.isAsShown(existing, complete(job, existing), now)) differing.push(job);
      await step();
    }
    const foreign = differing.flatMap(({ name }) => stored.get(name) ?? []).filter(({ source }) => source !== 'api');
    if (foreign.length > 0) throw new JobsManagedElsewhereError(foreign);
    return differing;
  }

  /** Whether the job is as GET /jobs-file shows it, where `paused` includes a pause over the API. */
  private isAsShown(stored: Job, wanted: WantedJob, now: Date): boolean {
    const shown = Object.assign(new Job(), stored, { declaredPaused: stored.paused });
    return this.store.isUnchanged(shown, { ...wanted, source: stored.source, owner: stored.owner }, now);
  }
}

class DryRunDone extends Error {
  constructor(readonly report: ImportReport) {
    super('The dry run is done');
  }
}

/** Code or a jobs file may have declared the job since it was compared. */
function unlessForeign(stored: Job | undefined, wanted: ImportedJob): WantedJob {
  if (stored && stored.source !== 'api') throw new JobsManagedElsewhereError([stored]);
  return complete(wanted, stored);
}

/** A job of the file, which may leave out whether it is paused. */
type ImportedJob = Omit<WantedJob, 'definition'> & { definition: WrittenDefinition };

const complete = ({ definition, ...job }: ImportedJob, stored: Job | undefined): WantedJob => ({
  ...job,
  definition: withPause(definition, stored),
});

/** `saved` undefined: the job did not differ. */
function addTo(report: ImportReport, name: string, saved: SavedJob | undefined, now: Date): void {
  if (!saved || saved.change === 'unchanged') report.unchanged.push({ name });
  else if (!saved.before) report.created.push(differenceOf(name, null, saved.after, now));
  else {
    const difference = differenceOf(name, saved.before, saved.after, now);
    report.updated.push({ ...difference, changes: changesOf(saved.before, saved.after) });
  }
}

/** The names of the API's jobs that are not in `names`. */
async function namesExcept(tx: EntityManager, names: string[]): Promise<string[]> {
  const others = await tx
    .createQueryBuilder(Job, 'job')
    .select('job.name')
    .where(`job.source = 'api' AND job.name <> ALL(:names)`, { names })
    .orderBy('job.name')
    .getMany();
  return others.map(({ name }) => name);
}
