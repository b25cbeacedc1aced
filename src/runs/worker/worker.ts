import { Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { Loop } from '../../core/loop.js';
import { SchedulerDatabase } from '../../database/scheduler-database.js';
import { DirectSession } from '../../replicas/direct-session.js';
import { Replicas } from '../../replicas/replicas.js';
import { type Claim, claimRuns } from '../lifecycle/claim-runs.js';
import { DatabaseSilentError, ShutdownError, TakenOverError } from '../lifecycle/run-errors.js';
import { pollQueue, type QueueHead } from '../lifecycle/run-queue.js';
import { atMost, Attempts } from './attempts.js';
import { Cancellations } from './cancellations.js';
import { Executor } from './executor.js';
import { RunMetrics } from './run-metrics.js';
import { Settler } from './settler.js';
import { Slots } from './slots.js';

const POLL_MS = 3_500;
/** How long a stop waits for the results of aborted attempts to be written. */
const MAX_HANDING_BACK_MS = 20_000;
/** When to claim again after other workers had locked all entries that this one found. */
const CONTENDED_MS = 20;
/** How long after `ready_at` a transaction may commit the entry and still be found by the next claim. A later one waits
 *  for a poll. */
const LATE_COMMIT_MS = 5_000;

/** Claims runs for its free slots, when it is notified, when a slot becomes free while runs wait, and when a retry is
 *  ready. A notification may get lost, so it also polls the queue every 3.5 s. */
@Injectable()
export class Worker {
  readonly loop = new Loop({
    everyMs: POLL_MS,
    turn: (woken) => this.turn(woken),
    failed: (error) => this.logger.error({ err: error }, 'claim failed'),
  });
  /** The result of the last poll. */
  private head: QueueHead = { oldest: null, ready: false, nextInMs: null };
  /** When the last poll ended, in monotonic milliseconds. */
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
    slots.onClaimable(() => this.loop.wake());
    executor.onRetry((ms) => this.wakeIn(ms));
    replicas.onRejoined(() => this.loop.wake());
    replicas.onSilenced(() => {
      this.attempts.abort(new DatabaseSilentError());
      void this.executor.giveBackAll();
    });
    replicas.onRemoved((number) => {
      this.attempts.abort(new TakenOverError(), ({ replicaNumber }) => replicaNumber === number);
      void this.executor.giveBackAll();
    });
  }

  startClaiming(): void {
    this.slots.open();
    this.settler.startWriting();
    this.loop.start();
    this.cancellations.loop.start();
  }

  /** Stops claiming and returns the runs that were claimed ahead to the queue. Running attempts get `graceSeconds` to
   *  end. After that their signal is aborted, and `onInterruption` of their job decides whether they are run again. */
  async stop(graceSeconds: number): Promise<void> {
    this.slots.close();
    await this.loop.stop();
    const givenBack = this.executor.giveBackAll();
    await this.attempts.drained(graceSeconds * 1000);
    this.attempts.abort(new ShutdownError());
    // If the database is away, results may still be unwritten after this. Other replicas then take over these runs.
    await Promise.all([this.attempts.drained(MAX_HANDING_BACK_MS), atMost(MAX_HANDING_BACK_MS, givenBack)]);
    await this.cancellations.loop.stop();
    await this.settler.stop();
  }

  private async turn(woken: boolean): Promise<boolean> {
    // After a rejoin under a new number, runs of the old number have been taken over by others. Their results would be
    // refused.
    this.attempts.abort(new TakenOverError(), ({ replicaNumber }) => replicaNumber !== this.replicas.number);
    // A busy worker polls every 3.5 s too, because a claim needs the oldest `ready_at` of the queue (see readySince).
    if (!woken || performance.now() - this.polledAt >= POLL_MS) await this.poll();
    if (!woken && !this.head.ready) {
      this.slots.found({ moreWait: false, moreLiveWait: false });
      return false;
    }
    return this.claim();
  }

  /** Returns true if it should claim again at once. */
  private async claim(): Promise<boolean> {
    if (this.replicas.silent) return false;
    const reservation = this.slots.reserveForClaim();
    if (!reservation) {
      this.slots.found({ moreWait: true, moreLiveWait: true });
      return false;
    }
    let freed: boolean;
    let claim: Claim;
    try {
      const { number, name } = this.replicas;
      const capacity = this.slots.capacity(reservation, this.readySince());
      const began = performance.now();
      claim = await this.database.transaction((tx) => claimRuns(tx, capacity, { number, name }));
      this.metrics.claimed(performance.now() - began);
      this.slots.found(claim);
      this.executor.accept(claim.runs);
    } finally {
      freed = this.slots.releaseClaim(reservation);
    }
    const none = claim.runs.length === 0;
    if (none && claim.contended) this.wakeIn(CONTENDED_MS);
    // A claim that took nothing would take nothing again before a slot becomes free.
    return (claim.moreWait || claim.contended) && (!none || freed);
  }

  private async poll(): Promise<void> {
    this.head = await pollQueue(this.database, this.slots.taskNames());
    this.polledAt = performance.now();
    if (this.head.nextInMs !== null) this.wakeIn(this.head.nextInMs);
  }

  /** The instant from which a claim reads the queue. While a long transaction elsewhere, such as a dump, keeps VACUUM
   *  from removing deleted entries, a claim without this bound would read past all of them. */
  private readySince(): Date | null {
    return this.head.oldest && new Date(this.head.oldest.getTime() - LATE_COMMIT_MS);
  }

  /** Wakes the loop after `ms`. Later than that, a poll comes first and calls this again. */
  private wakeIn(ms: number): void {
    if (ms < 2 * POLL_MS) setTimeout(() => this.loop.wake(), ms).unref();
  }
}
