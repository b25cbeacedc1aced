import { Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { openTrigger } from '../../core/triggers/trigger.js';
import { keptBasis, nextByOwnData, TZ_VERSION } from '../../core/triggers/zone-data.js';
import { inSlices } from '../../core/slices.js';
import { SchedulerDatabase } from '../../database/scheduler-database.js';
import type { DueJob } from '../definition/job.entity.js';
import { recordZoneData } from '../history/job-versions.js';
import { nextAfter, type NextOccurrence } from './decide.js';
import { advanceJobs, hasOutdatedJobs, lockOutdatedJobs } from './due-jobs.js';

const BATCH = 500;
/** After this long a batch or a turn ends. The first occurrences of rare triggers take up to 50 ms each, and what follows must not wait. */
const MAX_BATCH_MS = 500;
const MAX_TURN_MS = 5_000;
const NO_ID = '00000000-0000-0000-0000-000000000000';
/** How often jobs are searched while another scheduler has other data, and may store occurrences that it computed with them. */
const EVERY_MS = 2_000;

/** A job whose next occurrence was computed again. */
export type UpdatedJob = Pick<DueJob, 'name'> & Pick<NextOccurrence, 'nextRunAt'>;

/**
 * Computes the next occurrences again that other time zone data than those of this process gave: at its start, and as long as
 * schedulers with different data live. The scheduler with the newest data does this for all.
 *
 * It writes no runs. What the data of this process put into the past is due then, and the misfire policy decides about it.
 */
@Injectable()
export class ZoneDataUpdate {
  private done = false;
  private lastAt = -Infinity;

  constructor(
    private readonly database: SchedulerDatabase,
    private readonly logger: PinoLogger,
  ) {}

  /** Updates all jobs that need it, if it is time to search for them. Short transactions: another process waits for none of them. */
  async updateJobs({
    otherZoneData,
    newerZoneData,
  }: {
    otherZoneData: boolean;
    newerZoneData: boolean;
  }): Promise<UpdatedJob[]> {
    if (otherZoneData) this.done = false;
    if (this.done || newerZoneData || performance.now() - this.lastAt < EVERY_MS) return [];
    const updated: UpdatedJob[] = [];
    const until = performance.now() + MAX_TURN_MS;
    for (let after: string | null = NO_ID; after !== null && performance.now() < until;)
      after = await this.updateBatch(after, updated);
    // Jobs that others had locked are left. They are not lost: a dispatch of an outdated job computes it again, too.
    this.done = !otherZoneData && !(await this.database.transaction(hasOutdatedJobs));
    this.lastAt = performance.now();
    if (updated.length > 0)
      this.logger.info(
        { jobs: updated.length, tzVersion: TZ_VERSION },
        'next occurrences computed with other time zone data',
      );
    return updated;
  }

  /** Returns the id of the last job of the batch, or null if there was no other. */
  private updateBatch(after: string, updated: UpdatedJob[]): Promise<string | null> {
    return this.database.transaction(async (tx) => {
      const jobs = await lockOutdatedJobs(tx, after, BATCH);
      const step = inSlices();
      const until = performance.now() + MAX_BATCH_MS;
      const changes = [];
      for (const job of jobs) {
        if (performance.now() > until) break;
        const next = this.nextOf(job);
        changes.push({ job, next, basis: keptBasis(job, next.nextOccurrenceAt) });
        await step();
      }
      await advanceJobs(tx, changes);
      if (changes.length > 0)
        await recordZoneData(
          tx,
          changes.map(({ job }) => job.id),
        );
      for (const { job, next } of changes) if (!job.paused) updated.push({ name: job.name, nextRunAt: next.nextRunAt });
      return changes.length < jobs.length || jobs.length === BATCH ? changes.at(-1)!.job.id : null;
    });
  }

  /** A job whose trigger cannot be read keeps its occurrence. The dispatcher reports the error when the job is due. */
  private nextOf(job: DueJob): NextOccurrence {
    try {
      const first = nextByOwnData(job);
      if (!first) return { nextOccurrenceAt: null, nextRunAt: null };
      return nextAfter(openTrigger(job, job.id), new Date(first.getTime() - 1));
    } catch (error) {
      this.logger.debug({ err: error, job: job.name }, 'next occurrence not computed');
      return { nextOccurrenceAt: job.nextOccurrenceAt, nextRunAt: job.nextOccurrenceAt };
    }
  }
}
