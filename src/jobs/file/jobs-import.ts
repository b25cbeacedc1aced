import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Actor } from '../../auth/actor.js';
import { ApiDatabase } from '../../database/api-database.js';
import { databaseNow } from '../../database/database-now.js';
import { notify } from '../../replicas/notify.js';
import { changesOf, differenceOf, type ImportReport } from './import-report.js';
import { JobEditor, type JobEdit, type WantedJob } from '../store/job-editor.js';
import { JobsOfSourceError } from '../definition/job-errors.js';
import { Job } from '../definition/job.entity.js';
import { findJobs } from '../dispatch/due-jobs.js';
import type { JobDefinition } from '../definition/job.schema.js';

export interface ImportOptions {
  /** Changes nothing, and reports what it would. */
  dryRun: boolean;
  /** Deletes the jobs of the API that the file does not name. */
  prune: boolean;
}

/** Thousands of jobs at once may wait for each other's locks. */
const LONGEST_STATEMENT_MS = 60_000;

/** Brings the API's jobs to what a jobs file says: all of it, or nothing. */
@Injectable()
export class JobsImport {
  constructor(
    private readonly database: ApiDatabase,
    private readonly editor: JobEditor,
  ) {}

  /** A job of code or of JOBS_FILE that is named must be the same there. Throws JOB_MANAGED_ELSEWHERE, which names all that are not. */
  apply(
    definitions: Map<string, JobDefinition>,
    actor: Actor,
    { dryRun, prune }: ImportOptions,
  ): Promise<ImportReport> {
    return this.database.transaction(async (tx) => {
      await tx.query('SAVEPOINT before');
      const report = await this.import(tx, definitions, actor, prune);
      if (dryRun) await tx.query('ROLLBACK TO SAVEPOINT before');
      return report;
    }, LONGEST_STATEMENT_MS);
  }

  private async import(tx: EntityManager, definitions: Map<string, JobDefinition>, actor: Actor, prune: boolean) {
    const wanted = [...definitions].map(
      ([name, definition]) => ({ name, definition, source: 'api', owner: null }) as const,
    );
    const differing = await this.differing(tx, wanted);
    const surplus = prune ? await namesBeside(tx, [...definitions.keys()]) : [];
    // In one order, and without those that are the same: what is locked is not dispatched.
    const locked = await this.editor.lock(tx, [...differing.keys(), ...surplus]);
    const now = await databaseNow(tx);

    const missing = [...differing.values()].filter(({ name }) => !locked.has(name));
    const made = new Map((await this.editor.create(tx, actor, missing, now)).map((job) => [job.name, job]));

    const report: ImportReport = { created: [], updated: [], unchanged: [], deleted: [] };
    for (const job of wanted) {
      const after = made.get(job.name);
      if (after) await note(report, job.name, { change: 'created', before: null, after }, now);
      else if (!differing.has(job.name)) await note(report, job.name, null, now);
      else await note(report, job.name, await this.save(tx, actor, job, locked.get(job.name), now), now);
    }
    const gone = surplus.flatMap((name) => locked.get(name) ?? []).filter(({ source }) => source === 'api');
    if (gone.length > 0) await this.editor.remove(tx, () => actor, gone, now);
    for (const job of gone) report.deleted.push(await differenceOf(job.name, job, null, now));
    await notify(tx, 'jobs');
    return report;
  }

  /** By name. */
  private async differing(tx: EntityManager, wanted: WantedJob[]): Promise<Map<string, WantedJob>> {
    const stored = await findJobs(
      tx,
      wanted.map(({ name }) => name),
    );
    const now = await databaseNow(tx);
    const differing = wanted.filter((job) => {
      const there = stored.get(job.name);
      return !there || !this.isAsNow(there, job, now);
    });
    const foreign = differing.flatMap(({ name }) => stored.get(name) ?? []).filter(({ source }) => source !== 'api');
    if (foreign.length > 0) throw new JobsOfSourceError(foreign);
    return new Map(differing.map((job) => [job.name, job]));
  }

  /** As GET /jobs-file shows it: with a pause by hand. */
  private isAsNow(job: Job, wanted: WantedJob, now: Date): boolean {
    const shown = Object.assign(new Job(), job, { declaredPaused: job.paused });
    return this.editor.isSame(shown, { ...wanted, source: job.source, owner: job.owner }, now);
  }

  private async save(
    tx: EntityManager,
    actor: Actor,
    wanted: WantedJob,
    job: Job | undefined,
    now: Date,
  ): Promise<JobEdit> {
    if (job && job.source !== 'api') throw new JobsOfSourceError([job]);
    const edit = await this.editor.save(tx, actor, wanted, job, now);
    // Somebody else has made it meanwhile.
    return edit ?? this.save(tx, actor, wanted, (await this.editor.lock(tx, [wanted.name])).get(wanted.name), now);
  }
}

async function note(report: ImportReport, name: string, edit: JobEdit | null, now: Date): Promise<void> {
  if (!edit || edit.change === 'unchanged') report.unchanged.push({ name });
  else if (!edit.before) report.created.push(await differenceOf(name, null, edit.after, now));
  else
    report.updated.push({
      ...(await differenceOf(name, edit.before, edit.after, now)),
      changes: changesOf(edit.before, edit.after),
    });
}

/** Of the API's jobs, the others. */
async function namesBeside(tx: EntityManager, names: string[]): Promise<string[]> {
  const others = await tx
    .createQueryBuilder(Job, 'job')
    .select('job.name')
    .where(`job.source = 'api' AND job.name <> ALL(:names)`, { names })
    .orderBy('job.name')
    .getMany();
  return others.map(({ name }) => name);
}
