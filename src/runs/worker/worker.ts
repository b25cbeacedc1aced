import { Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { Loop } from '../../core/loop.js';
import { SchedulerDatabase } from '../../database/scheduler-database.js';
import { DirectSession } from '../../replicas/direct-session.js';
import { Replicas } from '../../replicas/replicas.js';
import { claimRuns } from '../lifecycle/claim-runs.js';
import { DatabaseSilentError, ShutdownError, TakenOverError } from '../lifecycle/run-errors.js';
import { pollQueue, type QueueHead } from '../lifecycle/run-queue.js';
import { atMost, Attempts } from './attempts.js';
import { Cancellations } from './cancellations.js';
import { Executor } from './executor.js';
import { RunMetrics } from './run-metrics.js';
import { Settler } from './settler.js';
import { Slots } from './slots.js';

const POLL_MS = 2_000;
const MAX_HANDING_BACK_MS = 20_000;
/** When another worker holds all entries that this one has found. */
const CONTENDED_MS = 20;
/** A transaction that wrote an entry may commit this much later than the entry was ready. Later still, the next poll sees it. */
const LATE_COMMIT_MS = 5_000;

/** Claims runs for its free slots when it is notified or a slot became free, and polls the queue every 2 s. */
@Injectable()
export class Worker {
  readonly loop = new Loop({
    everyMs: POLL_MS,
    turn: (woken) => this.turn(woken),
    failed: (error) => this.logger.error({ err: error }, 'claim failed'),
  });
  /** What the last poll has found. */
  private head: QueueHead = { oldest: null, readyInMs: null };
  /** When that was, monotonic milliseconds. */
  private polledAt = -Infinity;

  constructor(
    private readonly database: SchedulerDatabase,
    private readonly replicas: Replicas,
    private readonly slots: Slots,
    private readonly executor: Executor,
    private readonly settler: Settler,
    private readonly attempts: Attempts,
    readonly cancellations: Cancellations,
    private readonly metrics: RunMetrics,
    private readonly logger: PinoLogger,
    session: DirectSession,
  ) {
    session.onNotification('runs', () => this.loop.wake());
    slots.onAvailable(() => this.slots.moreWait && this.loop.wake());
    executor.onRetry((ms) => this.wakeIn(ms));
    replicas.onSilenced(() => this.attempts.abort(new DatabaseSilentError()));
  }

  startClaiming(): void {
    this.slots.open = true;
    this.settler.startWriting();
    this.loop.start();
    this.cancellations.loop.start();
  }

  /** Claims nothing more and gives back what was claimed ahead. Running attempts get `graceSeconds`; then their signal is aborted, and the
   *  job's `onInterruption` decides. */
  async stop(graceSeconds: number): Promise<void> {
    this.slots.open = false;
    await this.loop.stop();
    const givenBack = this.executor.giveBackAll();
    await this.attempts.drained(graceSeconds * 1000);
    this.attempts.abort(new ShutdownError());
    // What is still not written then, because the database is away, is for others to take over.
    await Promise.all([this.attempts.drained(MAX_HANDING_BACK_MS), atMost(MAX_HANDING_BACK_MS, givenBack)]);
    await this.cancellations.loop.stop();
    await this.settler.stop();
  }

  private async turn(woken: boolean): Promise<boolean> {
    // Others took this process for dead, and took over its runs.
    this.attempts.abort(new TakenOverError(), ({ replicaNumber }) => replicaNumber !== this.replicas.number);
    // Busy workers poll too, since the poll says from where on the queue has to be read.
    if (!woken || performance.now() - this.polledAt >= POLL_MS) await this.poll();
    if (!woken && this.head.readyInMs !== 0) {
      this.slots.claimed({ moreWait: false, moreLiveWait: false });
      if (this.head.readyInMs !== null) this.wakeIn(this.head.readyInMs);
      return false;
    }
    return this.claim();
  }

  /** True when more runs may wait. */
  private async claim(): Promise<boolean> {
    const reservation = this.slots.reserveForClaim();
    if (!reservation) {
      this.slots.claimed({ moreWait: true, moreLiveWait: true });
      return false;
    }
    try {
      const { number, name } = this.replicas;
      const capacity = this.slots.capacity(reservation, this.readySince());
      const began = performance.now();
      const claim = await this.database.transaction((tx) => claimRuns(tx, capacity, { number, name }));
      this.metrics.claimed(performance.now() - began);
      this.slots.claimed(claim);
      this.executor.accept(claim.runs);
      if (claim.contended && claim.runs.length === 0) this.wakeIn(CONTENDED_MS);
      return claim.runs.length > 0 && (claim.moreWait || claim.contended);
    } finally {
      this.slots.release(reservation);
    }
  }

  private async poll(): Promise<void> {
    this.head = await pollQueue(this.database, this.slots.taskNames());
    this.polledAt = performance.now();
  }

  /** While a transaction elsewhere, such as a dump, keeps deleted entries from being removed, a claim would pass over all of them. */
  private readySince(): Date | null {
    return this.head.oldest && new Date(this.head.oldest.getTime() - LATE_COMMIT_MS);
  }

  /** Later than the next poll, that one sees to it. */
  private wakeIn(ms: number): void {
    if (ms < POLL_MS) setTimeout(() => this.loop.wake(), ms).unref();
  }
}
