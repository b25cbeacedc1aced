import { isDeepStrictEqual } from 'node:util';
import type { EntityManager } from 'typeorm';
import type { Actor } from '../../auth/actor.js';
import { audit } from '../../auth/audit.js';
import { inSlices } from '../../core/slices.js';
import { openTrigger } from '../../core/triggers/trigger.js';
import { basisOf } from '../../core/triggers/zone-data.js';
import { Job } from '../definition/job.entity.js';
import { auditedJob, scheduleOf } from '../definition/job-fields.js';
import { type Decision, nextAfter } from '../dispatch/decide.js';
import type { Dispatcher } from '../dispatch/dispatcher.js';
import type { CompleteDefinition } from './complete-definition.js';

/** Jobs per INSERT or UPDATE, which takes about 0.1 s. */
const BATCH = 500;

/** A stored job, which the transaction has locked, and what is written to it. */
export interface Edit {
  before: Job;
  written: CompleteDefinition & Pick<Job, 'source' | 'owner'>;
}

interface UpdatedJob {
  before: Job;
  after: Job;
}

/** Changes jobs, in batches, and writes the audit. Anything already due runs with the old definition. */
export async function updateJobs(
  tx: EntityManager,
  dispatcher: Dispatcher,
  actor: Actor,
  edits: Edit[],
  now: Date,
): Promise<UpdatedJob[]> {
  const updated: UpdatedJob[] = [];
  const step = inSlices();
  for (const batch of batchesOf(edits)) {
    const decisions = await dispatchBefore(tx, dispatcher, batch, now);
    const changes: UpdatedJob[] = [];
    for (const edit of batch) {
      changes.push({ before: edit.before, after: changedJob(edit, decisions.get(edit.before.id)!, now) });
      // The first occurrence of a rare trigger takes up to 50 ms.
      await step();
    }
    const jobs = changes.map(({ after }) => after);
    await writeJobs(tx, jobs);
    const entries = changes.map(({ before, after }) => {
      const audited = { before: auditedJob(before), after: auditedJob(after) };
      return { action: 'job.update', target: after.name, job: after.name, ...audited } as const;
    });
    await audit(tx, actor, ...entries);
    updated.push(...changes);
  }
  return updated;
}

/** Dispatches what is due of all these jobs, which the transaction has locked. `endsDelays`: as in Dispatcher.dispatchLocked. */
export async function dispatchAll(
  tx: EntityManager,
  dispatcher: Dispatcher,
  jobs: Job[],
  now: Date,
  endsDelays: boolean,
): Promise<Decision[]> {
  const decisions: Decision[] = [];
  while (decisions.length < jobs.length)
    decisions.push(...(await dispatcher.dispatchLocked(tx, jobs.slice(decisions.length), now, endsDelays)));
  return decisions;
}

/** A pause by the definition has no end and no reason. */
export const pauseOf = (pausedAt: Date | null) => ({ pausedAt, pausedUntil: null, pauseReason: null });

export function* batchesOf<T>(items: T[]): Generator<T[]> {
  for (let from = 0; from < items.length; from += BATCH) yield items.slice(from, from + BATCH);
}

/** Dispatches what is due under the old definitions. Returns the decisions by the id of the job. */
async function dispatchBefore(tx: EntityManager, dispatcher: Dispatcher, edits: Edit[], now: Date) {
  const decisions = new Map<string, Decision>();
  for (const [keepsSchedule, group] of Map.groupBy(edits, hasSameSchedule)) {
    const jobs = group.map(({ before }) => before);
    for (const decision of await dispatchAll(tx, dispatcher, jobs, now, !keepsSchedule))
      decisions.set(decision.job.id, decision);
  }
  return decisions;
}

const hasSameSchedule = ({ before, written }: Edit): boolean =>
  isDeepStrictEqual(scheduleOf(written), scheduleOf(before));

/** A trigger that stays the same continues from its last decision. A new one begins after `now`: every nominal instant up to `now`
 *  belongs to the old one, whose delays end here. */
function changedJob(edit: Edit, decision: Decision, now: Date): Job {
  const { before, written } = edit;
  const { next, basis } = hasSameSchedule(edit)
    ? decision
    : { next: nextAfter(openTrigger(written, before.id), now), basis: basisOf(written.trigger, now) };
  const pause = written.paused === before.paused ? {} : pauseOf(written.paused ? now : null);
  const version = before.version + 1;
  return Object.assign(new Job(), before, written, { ...next, ...basis, ...pause, version, updatedAt: now });
}

/** One statement. It inserts no row: each id is stored, and locked. */
async function writeJobs(tx: EntityManager, jobs: Job[]): Promise<void> {
  const columns = tx.connection.getMetadata(Job).columns.map(({ databaseName }) => databaseName);
  await tx
    .createQueryBuilder()
    .insert()
    .into(Job)
    .values(jobs)
    .orUpdate(
      columns.filter((column) => !CONSTANT.has(column)),
      ['id'],
    )
    .updateEntity(false)
    .execute();
}

const CONSTANT = new Set(['id', 'name', 'created_at']);
