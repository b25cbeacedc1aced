import { isDeepStrictEqual } from 'node:util';
import { Inject, Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { v7 } from 'uuid';
import type { Actor } from '../../auth/actor.js';
import { audit } from '../../auth/audit.js';
import { ENVIRONMENT, type Environment } from '../../config/environment.js';
import { inSlices } from '../../core/slices.js';
import { openTrigger } from '../../core/triggers/trigger.js';
import { basisOf } from '../../core/triggers/zone-data.js';
import { databaseNow } from '../../database/database-now.js';
import { cancelRunsOfJobs } from '../../runs/lifecycle/cancel-runs.js';
import { RunMetrics } from '../../runs/worker/run-metrics.js';
import { Job, type JobSource } from '../definition/job.entity.js';
import { auditedJob } from '../definition/job-fields.js';
import type { JobDefinition } from '../definition/job.schema.js';
import { nextAfter } from '../dispatch/decide.js';
import { Dispatcher } from '../dispatch/dispatcher.js';
import { endPauses, NO_TERMS, recordPauses } from '../history/job-pauses.js';
import { endVersions, recordVersions } from '../history/job-versions.js';
import { completeDefinition } from './complete-definition.js';
import { batchesOf, dispatchAll, type Edit, pauseOf, updateJobs } from './update-jobs.js';

export interface WantedJob {
  name: string;
  definition: JobDefinition;
  source: JobSource;
  /** The APP_NAME that declares the job; null for source `api`. */
  owner: string | null;
}

/** Says what a job is to become. `stored` is locked; undefined: there is no job of that name. Null leaves the job as it is.
 *  Throws to refuse the change. */
export type ResolveJob = (stored: Job | undefined, now: Date) => WantedJob | null | Promise<WantedJob | null>;

export interface SavedJob {
  change: 'created' | 'updated' | 'unchanged';
  /** Null: the job was created. */
  before: Job | null;
  after: Job;
}

interface StoredAndWanted {
  stored: Job;
  wanted: WantedJob;
}

/** Creates, changes and deletes jobs in the caller's transaction, and writes the audit. Every edit goes through here, whether it
 *  comes from code, a jobs file or the API. The caller sends the NOTIFY. */
@Injectable()
export class JobStore {
  constructor(
    @Inject(ENVIRONMENT) private readonly environment: Environment,
    private readonly dispatcher: Dispatcher,
    private readonly metrics: RunMetrics,
  ) {}

  /** Locks the jobs of these names until the transaction ends, in the order of their names. Names without a job are left out. */
  async lock(tx: EntityManager, names: string[]): Promise<Map<string, Job>> {
    const jobs = await tx
      .createQueryBuilder(Job, 'job')
      .where('job.name = ANY(:names)', { names })
      .orderBy('job.name')
      .setLock('pessimistic_write')
      .getMany();
    return new Map(jobs.map((job) => [job.name, job]));
  }

  /** Whether saving `wanted` would leave the stored job as it is. */
  isUnchanged(stored: Job, wanted: WantedJob, now: Date): boolean {
    const sameOwner = stored.source === wanted.source && stored.owner === wanted.owner;
    return (
      sameOwner && isDeepStrictEqual(this.complete(wanted.definition, stored, now), this.complete(stored, stored, now))
    );
  }

  /** Creates or changes one job. */
  async saveJob(
    tx: EntityManager,
    actor: Actor,
    name: string,
    resolve: (stored: Job | undefined, now: Date) => Promise<WantedJob>,
  ): Promise<SavedJob> {
    const saved = await this.saveJobs(tx, actor, new Map([[name, resolve]]));
    return saved.get(name)!;
  }

  /** Creates or changes jobs, by name. The result has no entry for those that `resolve` left as they are. An unchanged job is not
   *  written, so its `nextRunAt` stays. `locked`: the jobs of these names, where the caller has already locked them. */
  async saveJobs(
    tx: EntityManager,
    actor: Actor,
    jobs: Map<string, ResolveJob>,
    locked?: Map<string, Job>,
  ): Promise<Map<string, SavedJob>> {
    const saved = new Map<string, SavedJob>();
    let names = [...jobs.keys()];
    let stored = locked ?? (await this.lock(tx, names));
    for (;;) {
      const now = await databaseNow(tx);
      const wanted: WantedJob[] = [];
      for (const name of names) {
        const job = await jobs.get(name)!(stored.get(name), now);
        if (job) wanted.push(job);
      }
      const changed: SavedJob[] = [];
      const missing = wanted.filter(({ name }) => !stored.has(name));
      for (const job of await this.create(tx, actor, missing, now))
        changed.push({ change: 'created', before: null, after: job });
      const existing = wanted.flatMap((job) => {
        const found = stored.get(job.name);
        return found ? [{ stored: found, wanted: job }] : [];
      });
      changed.push(...(await this.update(tx, actor, existing, now)));
      await recordChanges(tx, actor, now, changed);
      for (const change of changed) saved.set(change.after.name, change);
      // Another transaction has created these since they were locked: now they can be locked and changed.
      names = missing.map(({ name }) => name).filter((name) => !saved.has(name));
      if (names.length === 0) return saved;
      stored = await this.lock(tx, names);
    }
  }

  /** Deletes jobs that the transaction has locked. Occurrences that are due, or wait for their jitter, get a row first. Runs that have not started are
   *  cancelled; running attempts continue, and their runs get no further attempt. */
  async deleteJobs(tx: EntityManager, actorOf: (source: JobSource) => Actor, jobs: Job[], now: Date): Promise<void> {
    // With `allow`, dispatching does not cancel a running run to replace it.
    const allowing = jobs.map((job) => Object.assign(new Job(), job, { overlap: 'allow' }));
    for (const batch of batchesOf(allowing)) await dispatchAll(tx, this.dispatcher, batch, now, true);
    const ids = jobs.map(({ id }) => id);
    await tx.query('DELETE FROM jobs WHERE id = ANY($1)', [ids]);
    await endVersions(tx, ids, now);
    await endPauses(tx, actorOf(jobs[0]!.source).name, now, ids);
    const ended = await cancelRunsOfJobs(tx, ids);
    this.metrics.ended(tx, ended);
    for (const [source, ofSource] of Map.groupBy(jobs, (job) => job.source))
      for (const batch of batchesOf(ofSource)) {
        const entries = batch.map((job) => {
          return {
            action: 'job.delete',
            target: job.name,
            job: job.name,
            before: auditedJob(job),
            after: null,
          } as const;
        });
        await audit(tx, actorOf(source), ...entries);
      }
  }

  /** In batches. Returns the jobs that were created: a name that another transaction has taken meanwhile is left out. */
  private async create(tx: EntityManager, actor: Actor, wanted: WantedJob[], now: Date): Promise<Job[]> {
    const created: Job[] = [];
    const step = inSlices();
    for (const part of batchesOf(wanted)) {
      const batch: Job[] = [];
      for (const job of part) {
        batch.push(this.newJob(job, now));
        // The first occurrence of a rare trigger takes up to 50 ms.
        await step();
      }
      const jobs = await insertJobs(tx, batch);
      const entries = jobs.map((job) => {
        return { action: 'job.create', target: job.name, job: job.name, before: null, after: auditedJob(job) } as const;
      });
      await audit(tx, actor, ...entries);
      created.push(...jobs);
    }
    return created;
  }

  /** The first occurrence is strictly after `now`: creating a job never runs it. */
  private newJob({ name, definition, source, owner }: WantedJob, now: Date): Job {
    const complete = this.complete(definition, undefined, now);
    const id = v7({ msecs: now.getTime() });
    const next = nextAfter(openTrigger(complete, id), now);
    const computed = { ...next, ...basisOf(complete.trigger, now), ...pauseOf(complete.paused ? now : null) };
    return { id, name, ...complete, source, owner, version: 1, ...computed, createdAt: now, updatedAt: now };
  }

  private async update(tx: EntityManager, actor: Actor, jobs: StoredAndWanted[], now: Date): Promise<SavedJob[]> {
    const saved: SavedJob[] = [];
    const edits: Edit[] = [];
    const step = inSlices();
    for (const { stored, wanted } of jobs) {
      if (this.isUnchanged(stored, wanted, now)) saved.push({ change: 'unchanged', before: stored, after: stored });
      else {
        const { source, owner } = wanted;
        edits.push({ before: stored, written: { ...this.complete(wanted.definition, stored, now), source, owner } });
      }
      await step();
    }
    for (const updated of await updateJobs(tx, this.dispatcher, actor, edits, now))
      saved.push({ change: 'updated', ...updated });
    return saved;
  }

  private complete(written: JobDefinition | Job, stored: Job | undefined, now: Date) {
    return completeDefinition(written, stored, { timeZone: this.environment.DEFAULT_TIME_ZONE, now });
  }
}

/** Keeps the new definitions, and the pauses that they begin and end. */
async function recordChanges(tx: EntityManager, actor: Actor, now: Date, saved: SavedJob[]): Promise<void> {
  const changed = saved.filter(({ change }) => change !== 'unchanged');
  const jobs = changed.map(({ after }) => after);
  await recordVersions(tx, actor.name, now, jobs);
  const paused = changed.filter(({ before, after }) => after.paused && !before?.paused).map(({ after }) => after);
  const resumed = changed.filter(({ before, after }) => before?.paused && !after.paused).map(({ after }) => after.id);
  if (paused.length > 0) await recordPauses(tx, actor.name, now, paused, NO_TERMS);
  if (resumed.length > 0) await endPauses(tx, actor.name, now, resumed);
}

/** Returns those that were inserted; a name that is taken is left as it is. */
async function insertJobs(tx: EntityManager, jobs: Job[]): Promise<Job[]> {
  const insert = tx.createQueryBuilder().insert().into(Job).values(jobs).orIgnore().updateEntity(false).returning('id');
  const inserted = new Set(((await insert.execute()).raw as { id: string }[]).map(({ id }) => id));
  return jobs.filter(({ id }) => inserted.has(id));
}
