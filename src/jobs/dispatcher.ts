import { Inject, Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import type { EntityManager } from 'typeorm';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
import { SchedulerDatabase } from '../database/scheduler-database.js';
import { notify } from '../queue/notify.js';
import { RunQueue } from '../queue/run-queue.js';
import { recordRuns } from '../runs/record-runs.js';
import { decide, type Decision } from './decide.js';
import type { Job } from './job.entity.js';
import { advanceJobs, busyJobs, lockDueJobs } from './job-rows.js';

const MOST_JOBS = 1_000;
const MOST_RUNS = 2_000;
/** Cost of deciding, so that a transaction with many long backlogs stays short. */
const LONGEST_DECIDING_MS = 500;
/** A job that cannot be decided is left alone for so long. */
const BACK_OFF_MS = 60_000;

export interface Dispatched {
  decisions: Decision[];
  /** Whether more may be due. */
  more: boolean;
}

/** Turns due occurrences into rows and tickets, each on one replica only. */
@Injectable()
export class Dispatcher {
  private limit = MOST_JOBS;

  constructor(
    @Inject(ENVIRONMENT) private readonly environment: Environment,
    private readonly database: SchedulerDatabase,
    private readonly queue: RunQueue,
    private readonly logger: PinoLogger,
  ) {}

  /** Dispatches what is due by the database's clock, in one transaction, bounded. Other replicas take what this one leaves. */
  async dispatchDue(): Promise<Dispatched> {
    try {
      const dispatched = await this.database.transaction(async (tx) => {
        const { jobs, now } = await lockDueJobs(tx, this.limit);
        const decisions = await this.dispatch(tx, jobs, now);
        return { decisions, more: jobs.length === this.limit || decisions.length < jobs.length };
      });
      this.limit = Math.min(MOST_JOBS, this.limit * 2);
      return dispatched;
    } catch (error) {
      if (isTimeout(error)) this.limit = Math.max(1, Math.floor(this.limit / 2));
      throw error;
    }
  }

  /** Disposes of what is due of these jobs, whose rows the transaction has locked; may leave some for a next time. */
  async dispatch(tx: EntityManager, jobs: Job[], now: Date): Promise<Decision[]> {
    if (jobs.length === 0) return [];
    const busy = await busyJobs(
      tx,
      jobs.map(({ id }) => id),
    );
    const decisions = this.decideAll(jobs, now, busy);
    const drafts = decisions.flatMap((decision) => decision.drafts);
    const written = await recordRuns(tx, this.queue, now, drafts);
    await advanceJobs(tx, decisions);
    if (written.length > 0) await notify(tx, this.environment.DATABASE_SCHEMA, 'runs');
    return decisions;
  }

  private decideAll(jobs: Job[], now: Date, busy: Set<string>): Decision[] {
    const started = performance.now();
    const decisions: Decision[] = [];
    let runs = 0;
    for (const job of jobs) {
      const decision = this.decideOne(job, now, busy.has(job.id));
      decisions.push(decision);
      runs += decision.drafts.length;
      if (runs >= MOST_RUNS || performance.now() - started > LONGEST_DECIDING_MS) break;
    }
    return decisions;
  }

  /** A job that cannot be decided keeps its occurrence and backs off alone. */
  private decideOne(job: Job, now: Date, busy: boolean): Decision {
    try {
      return decide(job, now, busy);
    } catch (error) {
      this.logger.error({ err: error, job: job.name }, 'job cannot be decided');
      const nextRunAt = new Date(now.getTime() + BACK_OFF_MS);
      return { job, drafts: [], next: { nextOccurrenceAt: job.nextOccurrenceAt, nextRunAt } };
    }
  }
}

const isTimeout = (error: unknown) => (error as { code?: unknown }).code === '57014';
