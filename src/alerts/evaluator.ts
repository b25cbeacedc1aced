import { Inject, Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import type { EntityManager } from 'typeorm';
import { Channels } from '../channels/channels.js';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
import { Loop } from '../core/loop.js';
import { databaseNow } from '../database/database-now.js';
import { SchedulerDatabase } from '../database/scheduler-database.js';
import { rows } from '../database/transaction.js';
import { DirectSession } from '../replicas/direct-session.js';
import type { EndedRun } from '../runs/lifecycle/run.entity.js';
import { takeUnreadEnds } from '../runs/lifecycle/unread-ends.js';
import { RunMetrics } from '../runs/worker/run-metrics.js';
import { AlertUse } from './alert-use.js';
import { deliverWaiting } from './deliveries.js';
import { findingsOf } from './ended-runs.js';
import { IncidentCloser } from './incident-closer.js';
import { openIncidents, pruneIncidents } from './incidents.js';
import { checkedConditions, makeChecks, planChecks } from './job-checks.js';
import { type AlertsPoll, pollAlerts } from './poll-alerts.js';
import { findLate, findTooLong } from './unfinished-runs.js';

const EVERY_MS = 10_000;
/** How long an end of a run, or a changed job, waits for others before it is evaluated. */
const DEBOUNCE_MS = 1_000;
/** How often jobs are read although no notification said that one has changed. */
const READ_JOBS_EVERY_MS = 300_000;
/** A change becomes visible later than its `updated_at`. */
const OVERLAP_MS = 60_000;
const MAX_ENDS = 1_000;
const PRUNE_EVERY_MS = 3_600_000;
const PRUNED_AT_ONCE = 5_000;
const MAX_STATEMENT_MS = 30_000;

/**
 * Opens and closes incidents by what has happened, and queues the messages about them. Every scheduler polls, and an advisory lock lets
 * one of them evaluate at a time.
 *
 * The rows of `runs` are the outbox. The end of a run is marked as read in the transaction that writes what follows from it: incidents,
 * messages, and the runs that deliver these. So an evaluator that dies at any instant loses nothing, and nothing is evaluated twice.
 *
 * While no alerts are configured and none is open, it sends only two statements after changes of jobs and in five minutes. Otherwise
 * an idle service costs one statement in 10 s. An end of a run in this process, and a changed job, wake it.
 */
@Injectable()
export class AlertEvaluator {
  private readonly use: AlertUse;
  private readonly closer: IncidentCloser;
  /** Jobs have been read that were changed up to this time of the database. Null: no jobs have been read yet. */
  private readUpTo: Date | null = null;
  private jobsChanged = true;
  private jobsReadAt = -Infinity;
  private prunedAt = -Infinity;
  /** Whether the last poll found open incidents, which a successful run may close. */
  private hasOpen = false;
  private timer: NodeJS.Timeout | undefined;
  private timerAt = Infinity;
  readonly loop = new Loop({
    everyMs: EVERY_MS,
    turn: () => this.turn(),
    failed: (error) => this.logger.error({ err: error }, 'alerts not evaluated'),
  });

  constructor(
    @Inject(ENVIRONMENT) private readonly environment: Pick<Environment, 'RUN_RETENTION_DAYS'>,
    private readonly database: SchedulerDatabase,
    private readonly channels: Channels,
    private readonly logger: PinoLogger,
    session: DirectSession,
    runs: RunMetrics,
  ) {
    this.use = new AlertUse(channels);
    this.closer = new IncidentCloser(channels, logger);
    session.onNotification('jobs', () => {
      this.jobsChanged = true;
      this.wakeIn(DEBOUNCE_MS);
    });
    runs.onEnded((ended) => {
      if (this.use.any && ended.some((run) => this.concerns(run))) this.wakeIn(DEBOUNCE_MS);
    });
  }

  startEvaluating(): void {
    this.loop.start();
  }

  async stop(): Promise<void> {
    clearTimeout(this.timer);
    this.timerAt = Infinity;
    await this.loop.stop();
  }

  private concerns({ state }: EndedRun): boolean {
    return state === 'succeeded' ? this.hasOpen : state !== 'cancelled';
  }

  /** A loop that is not started ignores this. */
  private wakeIn(ms: number): void {
    const at = performance.now() + ms;
    if (at >= this.timerAt) return;
    clearTimeout(this.timer);
    this.timerAt = at;
    this.timer = setTimeout(() => {
      this.timerAt = Infinity;
      this.loop.wake();
    }, ms).unref();
  }

  /** Returns true if there is more to evaluate at once. */
  private async turn(): Promise<boolean> {
    if (this.jobsChanged || performance.now() - this.jobsReadAt > READ_JOBS_EVERY_MS) await this.readJobs();
    if (!this.use.any) return false;
    const poll = await pollAlerts(this.database, this.use);
    this.hasOpen = poll.open;
    const prunes = performance.now() - this.prunedAt > PRUNE_EVERY_MS;
    if (!poll.any && !prunes) return false;
    const { more, nextMs } = await this.database.transaction((tx) => this.evaluate(tx, poll, prunes), MAX_STATEMENT_MS);
    if (nextMs !== null) this.wakeIn(nextMs);
    return more;
  }

  /** Learns of the alerts of changed jobs. */
  private async readJobs(): Promise<void> {
    this.jobsChanged = false;
    try {
      const since = this.readUpTo && new Date(this.readUpTo.getTime() - OVERLAP_MS);
      const now = await this.use.addJobs(this.database, since);
      if (this.use.any)
        await this.database.transaction(async (tx) => {
          await tx.query(`SELECT pg_advisory_xact_lock(${lock})`);
          if (checkedConditions.some((condition) => this.use.has(condition)))
            await planChecks(tx, this.channels, since);
          await this.closer.closeRemoved(tx, since);
        }, MAX_STATEMENT_MS);
      this.readUpTo = now;
      this.jobsReadAt = performance.now();
    } catch (error) {
      this.jobsChanged = true;
      throw error;
    }
  }

  private async evaluate(
    tx: EntityManager,
    poll: AlertsPoll,
    prunes: boolean,
  ): Promise<{ more: boolean; nextMs: number | null }> {
    if (!(await isEvaluator(tx))) return { more: false, nextMs: null };
    const now = await databaseNow(tx);
    const ends = poll.ended ? await takeUnreadEnds(tx, await startOf(tx, now), MAX_ENDS) : [];
    const findings = await findingsOf(tx, ends, this.channels);
    if (poll.late) findings.push(...(await findLate(tx, now, this.channels, this.use.leastSeconds('late')!)));
    if (poll.long) findings.push(...(await findTooLong(tx, now, this.channels, this.use.leastSeconds('tooLong')!)));
    const checks = poll.checks ? await makeChecks(tx, now, this.channels) : { findings: [], more: false };
    const opened = await openIncidents(tx, now, [...findings, ...checks.findings]);
    if (opened.length > 0) this.hasOpen = true;
    for (const { job, condition, id } of opened) this.logger.warn({ job, condition, incident: id }, 'incident opened');
    const isLast = await this.closer.closeOver(tx, now);
    if (prunes) {
      await pruneIncidents(tx, this.environment.RUN_RETENTION_DAYS, PRUNED_AT_ONCE);
      this.prunedAt = performance.now();
    }
    const more = ends.length === MAX_ENDS || checks.more || !isLast;
    // As long as there is more, incidents may open that belong into the same message.
    return { more, nextMs: more ? null : await deliverWaiting(tx, now, this.channels) };
  }
}

const lock = `hashtext('cronzimus alerts ' || current_schema())`;

/** Takes the lock of the one evaluator for the transaction. It ends with the transaction, also when the process dies. */
async function isEvaluator(tx: EntityManager): Promise<boolean> {
  const [row] = await rows<{ taken: boolean }>(tx, `SELECT pg_try_advisory_xact_lock(${lock}) AS taken`);
  return row!.taken;
}

/** From when on the ends of runs are read: since the first evaluation, and for a day. So the first alert says nothing about the past.
 *  But a run may fail right after the first alert was saved, before that is known here. */
async function startOf(tx: EntityManager, now: Date): Promise<Date> {
  const [row] = await rows<{ since: Date }>(
    tx,
    `UPDATE alerting SET since = COALESCE(since, $1::timestamptz - $2 * interval '1 ms')
     RETURNING greatest(since, $1::timestamptz - interval '1 day') AS since`,
    [now, OVERLAP_MS],
  );
  return row!.since;
}
