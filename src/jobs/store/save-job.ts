import { isDeepStrictEqual } from 'node:util';
import type { EntityManager } from 'typeorm';
import { v7 } from 'uuid';
import { completeTrigger, openTrigger, type TriggerInput } from '../../core/triggers/trigger.js';
import { type NextOccurrence, nextAfter } from '../dispatch/decide.js';
import { Job } from '../definition/job.entity.js';
import type { JobDefinition } from '../definition/job.schema.js';

interface Defaults {
  timeZone: string;
  now: Date;
}

type Written = Omit<JobDefinition, 'trigger' | 'input'> & { trigger: TriggerInput; input: object };
/** A definition with nothing left to default, as the table holds it. */
export type Definition = ReturnType<typeof definitionOf>;

/** Completes what was written; `job` is the stored one, whose anchor and hand-made pause outlive an edit that leaves them alone. */
export function definitionOf(written: Written, job: Job | undefined, { timeZone, now }: Defaults) {
  const declaredPaused = 'declaredPaused' in written ? (written as Job).declaredPaused : written.paused;
  return {
    description: written.description,
    task: written.task,
    // As jsonb gives it back, which has no -0: a job is not changed by being declared again.
    input: JSON.parse(JSON.stringify(written.input)) as object,
    trigger: completeTrigger(written.trigger, {
      timeZone,
      createdAt: job?.createdAt ?? now,
      previous: job?.trigger ?? null,
    }),
    paused: job && job.declaredPaused === declaredPaused ? job.paused : written.paused,
    declaredPaused,
    priority: written.priority,
    tags: written.tags,
    timeoutSeconds: written.timeoutSeconds,
    retry: written.retry,
    onInterruption: written.onInterruption,
    misfire: written.misfire,
    overlap: written.overlap,
  };
}

type Owned = Definition & Pick<Job, 'source' | 'owner'>;

/** The first occurrence is strictly after `now`: creating a job never runs it. Answers those that were made: a name that is taken
 *  is left as it is. */
export async function insertJobs(tx: EntityManager, jobs: (Owned & { name: string })[], now: Date): Promise<Job[]> {
  const rows = jobs.map((job): Job => {
    const id = v7({ msecs: now.getTime() });
    const next = nextAfter(openTrigger(job.trigger, id), now);
    return { ...job, id, version: 1, ...next, createdAt: now, updatedAt: now };
  });
  const insert = tx.createQueryBuilder().insert().into(Job).values(rows).orIgnore().updateEntity(false).returning('id');
  const made = new Set(((await insert.execute()).raw as { id: string }[]).map(({ id }) => id));
  return rows.filter(({ id }) => made.has(id));
}

/** `next` is where the old definition has got to; a trigger that is left alone goes on from there. */
export async function updateJob(
  tx: EntityManager,
  job: Job,
  edited: Owned,
  next: NextOccurrence,
  now: Date,
): Promise<Job> {
  const moved = !isDeepStrictEqual(edited.trigger, job.trigger);
  const changes = {
    ...edited,
    ...(moved ? nextAfter(openTrigger(edited.trigger, job.id), now) : next),
    version: job.version + 1,
    updatedAt: now,
  };
  await tx.update(Job, job.id, changes);
  return Object.assign(new Job(), job, changes);
}
