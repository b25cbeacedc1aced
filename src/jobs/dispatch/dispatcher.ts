import { Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import type { EntityManager } from 'typeorm';
import { audit, ENDED_BY_ITSELF } from '../../auth/audit.js';
import { basisIn } from '../../core/triggers/zone-data.js';
import { SchedulerDatabase } from '../../database/scheduler-database.js';
import { together } from '../../database/transaction.js';
import { notify } from '../../replicas/notify.js';
import { cancelRuns } from '../../runs/lifecycle/cancel-runs.js';
import { DirectStarts } from '../../runs/worker/direct-starts.js';
import { createRuns } from '../../runs/lifecycle/create-runs.js';
import { RunMetrics } from '../../runs/worker/run-metrics.js';
import { NONE, type Reservation, sizeOf } from '../../runs/worker/slots.js';
import { decide, type Decision, type Instants } from './decide.js';
import type { DueJob } from '../definition/job.entity.js';
import { resumeJobs } from '../history/job-pauses.js';
import {
  advanceJobs,
  isAnyDue,
  lockDueJobs,
  lockEndedPauses,
  type SchedulerState,
  schedulerState,
} from './due-jobs.js';
import { type Lanes, lanesOf, replaceableRuns } from './unfinished-runs.js';

const MAX_JOBS = 1_000;
/** The first batch of many due jobs is small, so that workers can start its runs while the others are dispatched. */
const FIRST_JOBS = 100;
const MAX_RUNS = 2_000;
/** When the dispatcher is this late, new runs go to the queue, where the highest priority comes first. */
const MAX_LAG_MS = 2_000;
/** Limit for the time spent deciding, so that a transaction over jobs with long backlogs stays short. */
const MAX_DECIDING_MS = 500;
/** After a job could not be decided, it is not tried again for this long. */
const BACK_OFF_MS = 60_000;

export interface Dispatched {
  decisions: Decision[];
  /** Whether more jobs may be due. */
  more: boolean;
}

/**
 * Turns due occurrences into runs. There is no leader: every replica dispatches, and row locks decide who gets a job.
 *
 * The runs, their queue entries and the next occurrence of each job are written in one transaction. If the process dies
 * before the commit, PostgreSQL rolls everything back, the jobs are still due, and another replica dispatches them.
 * After the commit no run can be lost: it has a queue entry, or it is held until another run ends, or it is `running`
 * on a replica whose death others notice.
 *
 * Locks are taken in this order: the scheduler's row (FOR SHARE), the replica's row (FOR KEY SHARE), jobs, queue
 * entries, runs. With the overlap policies `queue` and `replace` the unfinished runs are locked before queue entries.
 * That is safe, because entries are then deleted with SKIP LOCKED.
 */
@Injectable()
export class Dispatcher {
  private limit = FIRST_JOBS;
  /** How late the first job of the last batch was, in milliseconds. */
  private lagMs = 0;

  constructor(
    private readonly database: SchedulerDatabase,
    private readonly directStarts: DirectStarts,
    private readonly metrics: RunMetrics,
    private readonly logger: PinoLogger,
  ) {}

  /** Dispatches one batch of the jobs that are due by the database's clock, in one transaction. `share`: it may use one
   *  of this many equal parts of the free slots. A batch that times out is tried again with half as many jobs. */
  async dispatchDue(share = 1): Promise<Dispatched> {
    try {
      const dispatched = await this.directStarts.withSlots(share, (reserved) =>
        this.database.transaction((tx) => this.dispatchBatch(tx, this.limitFor(sizeOf(reserved)), reserved)),
      );
      this.limit = dispatched.more ? Math.min(MAX_JOBS, this.limit * 3) : FIRST_JOBS;
      return dispatched;
    } catch (error) {
      if (isTimeout(error)) this.limit = Math.max(1, Math.floor(this.limit / 2));
      throw error;
    }
  }

  /** Dispatches one batch of the jobs that were due at `cut`, when a pause of the scheduler began. Runs are queued and start
   *  after the resume. Does nothing once the scheduler is no longer paused. */
  dispatchBefore(cut: Date): Promise<Dispatched> {
    return this.database.transaction(async (tx) => {
      const state = await schedulerState(tx);
      if (!state.paused) return { decisions: [], more: false };
      const { jobs, now } = await lockDueJobs(tx, MAX_JOBS, cut);
      // As if it were decided at the moment of the pause: what is due after that belongs to the pause.
      const decisions = await this.decideAndWrite(
        tx,
        jobs,
        now,
        { now: cut, keepsNewerData: true },
        { ...state, paused: false },
        NONE,
      );
      // Also those that are locked now, by dispatchers that are about to see the pause.
      return { decisions, more: await isAnyDue(tx, cut) };
    });
  }

  /** How many jobs a batch takes. While slots become free quickly: no more than can start here, since their runs then
   *  need no queue entry and the next batch follows within milliseconds. Otherwise enough jobs for the highest
   *  priorities among them to get the slots. */
  private limitFor(reserved: number): number {
    if (this.directStarts.turnsOver && this.lagMs < MAX_LAG_MS)
      return Math.min(this.limit, Math.max(1, reserved > 0 ? reserved : this.directStarts.turnover));
    return reserved > 0 ? Math.min(this.limit, Math.max(FIRST_JOBS, reserved)) : this.limit;
  }

  private async dispatchBatch(tx: EntityManager, limit: number, reserved: Reservation): Promise<Dispatched> {
    // One round trip: the statements are sent in this order, without waiting for each other. The scheduler's row is
    // locked before any job, so a pause either comes first and is seen here, or waits for this transaction.
    const [state, slots, { jobs, now }] = await together(
      tx,
      () => schedulerState(tx),
      () => this.directStarts.allowed(tx, reserved),
      () => lockDueJobs(tx, limit),
    );
    if (state.paused) return { decisions: [], more: false };
    this.lagMs = now.getTime() - (jobs[0]?.nextOccurrenceAt ?? now).getTime();
    const decisions = await this.decideAndWrite(tx, jobs, now, { now }, state, slots);
    return { decisions, more: jobs.length === limit || decisions.length < jobs.length };
  }

  /** Dispatches what is due of these jobs, whose rows the transaction has locked. Call it before their definition
   *  changes, so that everything that is due runs with the old definition. `endsDelays`: the trigger changes or the job is deleted, so
   *  nothing would remember an occurrence that still waits for its jitter, and it is dispatched now. It may stop early: it returns
   *  decisions for the first jobs only, and the caller calls it again for the others. */
  async dispatchLocked(tx: EntityManager, jobs: DueJob[], now: Date, endsDelays = false): Promise<Decision[]> {
    if (jobs.length === 0) return [];
    return this.decideAndWrite(
      tx,
      jobs,
      now,
      { now, endsDelays, keepsNewerData: true },
      await schedulerState(tx),
      NONE,
    );
  }

  /** Dispatches what is due of up to `limit` jobs whose pause is over by its own `until`, and resumes them. What was due before `until`
   *  becomes one `skipped` row. Returns the names of these jobs. */
  endPauses(limit: number): Promise<DueJob[]> {
    return this.database.transaction(async (tx) => {
      const { jobs, now } = await lockEndedPauses(tx, limit);
      // A job that an earlier release has resumed keeps its `paused_until`, and is only cleared.
      const decided = await this.dispatchLocked(tx, jobs, now);
      const resumed = decided.map(({ job }) => job);
      const ids = resumed.map(({ id }) => id);
      if (ids.length === 0) return [];
      await resumeJobs(tx, null, now, ids);
      const [before, after] = [{ paused: true }, { paused: false }];
      const entries = resumed.map(
        ({ name }) => ({ action: 'job.resume', target: name, job: name, before, after }) as const,
      );
      await audit(tx, ENDED_BY_ITSELF, ...entries);
      await notify(tx, 'jobs');
      return resumed;
    });
  }

  private async decideAndWrite(
    tx: EntityManager,
    jobs: DueJob[],
    now: Date,
    known: Omit<Instants, 'resumedAt'>,
    { paused, resumedAt }: SchedulerState,
    slots: Reservation,
  ): Promise<Decision[]> {
    if (jobs.length === 0) return [];
    // A paused scheduler counts as a pause of each job until now.
    const instants = { ...known, resumedAt: paused ? now : resumedAt };
    const decisions = this.decideBatch(jobs, instants, await lanesOf(tx, jobs));
    const replaced = decisions.filter(({ replaces }) => replaces).map(({ job }) => job.id);
    const { ended, running } = await cancelRuns(tx, await replaceableRuns(tx, replaced), 'replaced');
    const drafts = this.directStarts.choose(
      decisions.flatMap((decision) => decision.drafts),
      slots,
    );
    const queued = drafts.some(({ state, startedBy }) => state === 'pending' && !startedBy);
    // Also one round trip. Nothing is visible to others, and no notification is sent, before the commit.
    const [written] = await together(
      tx,
      () => createRuns(tx, now, drafts),
      () => advanceJobs(tx, decisions),
      () => queued && notify(tx, 'runs'),
      () => running > 0 && notify(tx, 'cancel'),
    );
    this.directStarts.begin(tx, written);
    this.metrics.ended(tx, [...ended, ...written.filter(({ state }) => state !== 'pending')]);
    return decisions;
  }

  private decideBatch(jobs: DueJob[], instants: Instants, lanes: Map<string, Lanes>): Decision[] {
    const started = performance.now();
    const decisions: Decision[] = [];
    let runs = 0;
    for (const job of jobs) {
      const decision = this.decideOrBackOff(job, instants, lanes.get(job.id));
      decisions.push(decision);
      runs += decision.drafts.length;
      if (runs >= MAX_RUNS || performance.now() - started > MAX_DECIDING_MS) break;
    }
    return decisions;
  }

  /** A job that cannot be decided keeps its occurrence and is tried again in a minute. The other jobs of the batch are
   *  not affected. */
  private decideOrBackOff(job: DueJob, instants: Instants, lanes: Lanes | undefined): Decision {
    try {
      return decide(job, instants, lanes);
    } catch (error) {
      this.logger.error({ err: error, job: job.name }, 'job cannot be decided');
      const nextRunAt = new Date(instants.now.getTime() + BACK_OFF_MS);
      return {
        job,
        drafts: [],
        replaces: false,
        next: { nextOccurrenceAt: job.nextOccurrenceAt, nextRunAt },
        basis: basisIn(job),
      };
    }
  }
}

const isTimeout = (error: unknown) => (error as { code?: unknown }).code === '57014';
