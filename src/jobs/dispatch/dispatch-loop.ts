import { setImmediate as nextTurn } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { Loop } from '../../core/loop.js';
import { nextRun, pollDue } from './due.js';
import { rows } from '../../database/transaction.js';
import { SchedulerDatabase } from '../../database/scheduler-database.js';
import { DirectSession } from '../../replicas/direct-session.js';
import { Alarms, MAX_ALARMS } from './alarms.js';
import { DatabaseClock } from './database-clock.js';
import { Dispatcher } from './dispatcher.js';
import type { ScheduledJob } from './job.factory.js';
import { PauseEnds } from './pause-ends.js';
import { twoAtATime } from './two-at-a-time.js';
import { ZoneDataUpdate } from './zone-data-update.js';

const ALARMS_AT_ONCE = 100;
/** After this long the turn ends, so that the next one reads the clock and changed definitions. */
const MAX_DISPATCHING_MS = 500;
/** When to poll again after an alarm that fired before its instant. */
const EARLY_MS = 1;
/** How often alarms are set for the jobs that are due next, if there are too many jobs for all of them to have one. */
const GO_ON_MS = 60_000;

/**
 * Polls for due jobs once a second, and also when an alarm fires or a definition changes. All of these cause the same
 * turn, and turns never overlap.
 *
 * Alarms only save time. Which jobs are due is decided by the database: an alarm that is lost or late costs at most a
 * poll, and one that fires too early finds nothing.
 */
@Injectable()
export class DispatchLoop {
  /** Alarms reflect all changes to jobs up to this instant of the database's clock. Null: no job has been read yet. */
  private readUpTo: Date | null = null;
  private changed = true;
  /** When alarms were last set for the jobs that are due next, by the database's clock. */
  private nextSince = new Date(0);
  readonly loop = new Loop({
    everyMs: 1_000,
    turn: () => this.turn(),
    failed: (error) => this.logger.error({ err: error }, 'dispatch failed'),
  });
  private readonly ring = () => this.loop.wake();

  constructor(
    private readonly database: SchedulerDatabase,
    private readonly dispatcher: Dispatcher,
    private readonly alarms: Alarms,
    private readonly clock: DatabaseClock,
    private readonly zoneData: ZoneDataUpdate,
    private readonly pauseEnds: PauseEnds,
    private readonly logger: PinoLogger,
    session: DirectSession,
  ) {
    session.onNotification('jobs', () => {
      this.changed = true;
      this.loop.wake();
    });
  }

  startDispatching(): void {
    this.loop.start();
  }

  async stop(): Promise<void> {
    await this.loop.stop();
    this.alarms.clear();
    this.readUpTo = null;
    this.changed = true;
  }

  private async turn(): Promise<boolean> {
    const askedAt = performance.now();
    const polled = await pollDue(this.database);
    this.clock.learn(polled.now, askedAt);
    const now = new Date(polled.now);
    // Before its alarms are set, so that a resumed job gets one at once.
    if (await this.pauseEnds.endDue(polled, this.ring)) this.changed = true;
    // Before any dispatch.
    // Jobs that it has not reached are computed again when they are due.
    const updated = await this.zoneData.updateJobs(polled).catch((error: unknown) => {
      this.logger.error({ err: error }, 'next occurrences not computed with other time zone data');
      return [];
    });
    if (this.changed) await this.setChangedAlarms(now);
    await this.setAlarms(updated);
    // Alarms that have fired stay as they are. The resume notifies, and what is due is dispatched then.
    if (polled.paused) return false;
    if (
      (polled.due || updated.length > 0) &&
      (await this.dispatchBatch()) &&
      (await twoAtATime(() => this.dispatchBatch(2), MAX_DISPATCHING_MS))
    )
      return true;
    await this.setFiredAlarms(this.alarms.firedUpTo(now));
    if (this.alarms.hasFiredEarly(now)) setTimeout(this.ring, EARLY_MS).unref();
    if (this.alarms.leftOut && now.getTime() - this.nextSince.getTime() > GO_ON_MS) await this.setNextAlarms(now);
    return false;
  }

  /** Returns whether more jobs may be due. `share`: how many batches run at the same time, which share the free slots. */
  private async dispatchBatch(share = 1): Promise<boolean> {
    const { decisions, more } = await this.dispatcher.dispatchDue(share);
    for (const { job, next } of decisions) this.setAlarm({ name: job.name, nextRunAt: next.nextRunAt });
    for (const { job, drafts } of decisions)
      for (const { state, reason, scheduledAt } of drafts)
        this.logger.debug({ job: job.name, state, reason, scheduledAt }, 'occurrence dispatched');
    return more || decisions.some(({ next }) => next.nextRunAt !== null && next.nextRunAt <= this.clock.now());
  }

  /** Sets the alarms of jobs that are new or were edited. `updated_at` is taken before the commit, so a change may
   *  become visible after a later one. Reading the last minute again covers that. */
  private async setChangedAlarms(now: Date): Promise<void> {
    this.changed = false;
    try {
      if (this.readUpTo) await this.readAlarms('updated_at >= $1', new Date(this.readUpTo.getTime() - 60_000));
      else await this.setNextAlarms(now);
      this.readUpTo = now;
    } catch (error) {
      this.changed = true;
      throw error;
    }
  }

  /** Sets alarms for the jobs that are due first, and removes all others. */
  private async setNextAlarms(now: Date): Promise<void> {
    const next = await this.database.transaction((tx) =>
      rows<{ name: string; nextRunAt: Date }>(
        tx,
        `SELECT name, next_run_at AS "nextRunAt" FROM jobs WHERE ${nextRun('jobs')} < 'infinity'
         ORDER BY ${nextRun('jobs')} LIMIT $1`,
        [MAX_ALARMS + 1],
      ),
    );
    const first = next.slice(0, MAX_ALARMS);
    this.alarms.keepOnly(new Set(first.map(({ name }) => name)));
    await this.setAlarms(first.filter(({ name }) => !this.alarms.has(name)));
    this.alarms.leftOut = next.length > MAX_ALARMS;
    this.nextSince = now;
  }

  /** Sets alarms again that have fired without a dispatch by this replica: another replica dispatched the job, or the
   *  job was deleted. */
  private async setFiredAlarms(names: string[]): Promise<void> {
    if (names.length === 0) return;
    for (const name of names) this.alarms.remove(name);
    await this.readAlarms('name = ANY($1)', names);
  }

  private async readAlarms(condition: string, value: unknown): Promise<void> {
    const jobs = await this.database.transaction((tx) =>
      rows<{ name: string; nextRunAt: Date | null }>(
        tx,
        `SELECT name, CASE WHEN NOT paused THEN next_run_at END AS "nextRunAt" FROM jobs WHERE ${condition}`,
        [value],
      ),
    );
    await this.setAlarms(jobs);
  }

  private async setAlarms(jobs: { name: string; nextRunAt: Date | null }[]): Promise<void> {
    for (const [index, job] of jobs.entries()) {
      // Other work runs in between, since 10,000 alarms take a while.
      if (index % ALARMS_AT_ONCE === 0) await nextTurn();
      this.setAlarm(job);
    }
  }

  private setAlarm({ name, nextRunAt }: { name: string; nextRunAt: Date | null }): void {
    if (nextRunAt) this.alarms.set({ name, nextRunAt } satisfies ScheduledJob, this.ring);
    else this.alarms.remove(name);
  }
}
