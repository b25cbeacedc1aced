import { Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { Loop } from '../../core/loop.js';
import { SchedulerDatabase } from '../../database/scheduler-database.js';
import { LostReplicas } from '../../replicas/lost-replicas.js';
import { notify } from '../../replicas/notify.js';
import { Replicas } from '../../replicas/replicas.js';
import {
  failUnknownTasks,
  findUnknown,
  reclaimOrphans,
  repairQueue,
  type UnstartedRun,
} from '../lifecycle/reclaim-runs.js';
import { releaseHeld } from '../lifecycle/release-held.js';
import { isUnfinished } from '../lifecycle/run.entity.js';
import { Attempts } from '../worker/attempts.js';
import { ClaimedAhead } from '../worker/claimed-ahead.js';
import { RunMetrics } from '../worker/run-metrics.js';
import { Slots } from '../worker/slots.js';
import { StartedRuns } from '../worker/started-runs.js';
import { LiveTasks } from './live-tasks.js';
import { RecoveryMetrics } from './recovery-metrics.js';

/** How long the reconciler waits for claims that are under way. If one takes longer, it tries again in its next turn. */
const ACCEPTED_WITHIN_MS = 1_000;

/**
 * Makes sure that no run waits for a dead process. Every replica with the role scheduler or worker does this, so the
 * death of any of them is noticed by the others.
 *
 * Two loops: `watch` polls the other replicas every 400 ms and deletes the rows of those that are gone. `reconciler`
 * takes over the runs that belong to no replica and repairs the queue. It runs every 10 s, and at once after a replica
 * was lost. The process may die between the two: the reconciler of any replica finds runs whose replica has no row.
 */
@Injectable()
export class Recovery {
  readonly watch = new Loop({
    everyMs: 400,
    turn: () => this.watchPeers(),
    failed: (error) => this.logger.warn({ err: error }, 'other replicas not polled'),
  });
  readonly reconciler = new Loop({
    everyMs: 10_000,
    turn: () => this.reconcile(),
    failed: (error) => this.logger.error({ err: error }, 'runs and queue not reconciled'),
  });

  private readonly liveTasks = new LiveTasks();

  constructor(
    private readonly database: SchedulerDatabase,
    private readonly replicas: Replicas,
    private readonly lost: LostReplicas,
    private readonly attempts: Attempts,
    private readonly ahead: ClaimedAhead,
    private readonly slots: Slots,
    private readonly started: StartedRuns,
    private readonly runMetrics: RunMetrics,
    private readonly metrics: RecoveryMetrics,
    private readonly logger: PinoLogger,
  ) {}

  startWatching(): void {
    this.watch.start();
    this.reconciler.start();
  }

  async stop(): Promise<void> {
    await Promise.all([this.watch.stop(), this.reconciler.stop()]);
  }

  private async watchPeers(): Promise<void> {
    if (!this.replicas.hasPeers) return this.lost.seeNobody();
    const removed = await this.lost.removeLost();
    if (removed.length === 0) return;
    this.logger.warn({ replicas: removed }, 'replicas lost');
    this.reconciler.wake();
  }

  /** Without unfinished runs there is nothing to reconcile. One statement without a transaction, since this is the
   *  usual case. */
  private async hasUnfinishedRuns(): Promise<boolean> {
    const [row] = await this.database.statement<{ unfinished: boolean }>(
      `SELECT EXISTS (SELECT FROM "${this.database.schema}".runs WHERE ${isUnfinished}) AS unfinished`,
    );
    return row!.unfinished;
  }

  /**
   * Finds the runs of this process that it has not started and never will: their claim committed, and the response was
   * lost.
   *
   * A commit can take long, for example while a synchronous standby is silent. Then the run is old when it becomes
   * visible, and its response may arrive only after the run was found. Three steps prove that none does:
   * - The run is found. So the claim that would start it has begun before.
   * - All claims that had begun by then have ended here. Runs that they returned are in `attempts`, or wait for a slot.
   * - The run is in neither. It has no attempt that is unsettled either, because an attempt stays in `attempts` until its
   *   end is stored.
   *
   * If this process remembers that it has started the attempt, the database has lost its end (see docs/adr/0030).
   */
  private async findUnstarted(): Promise<{ number: number; unstarted: UnstartedRun[] }> {
    const { number } = this.replicas;
    const found = await this.database.transaction((tx) => findUnknown(tx, number, this.knownRuns()));
    if (found.length === 0 || !(await this.slots.accepted(ACCEPTED_WITHIN_MS))) return { number, unstarted: [] };
    const known = new Set(this.knownRuns());
    return {
      number,
      unstarted: found.flatMap((run) => (known.has(run.id) ? [] : [{ ...run, endLost: this.started.has(run) }])),
    };
  }

  private knownRuns(): string[] {
    return [...this.attempts.runs, ...this.ahead.runs].map(({ id }) => id);
  }

  /** Returns true if there may be another batch. */
  private async reconcile(): Promise<boolean> {
    if (!(await this.hasUnfinishedRuns())) return false;
    const own = await this.findUnstarted();
    const { reclaimed, unknown, added } = await this.database.transaction(async (tx) => {
      // In this order: what ends here may release held runs.
      const found = await reclaimOrphans(tx, own);
      const entries = await repairQueue(tx);
      const spared = await this.liveTasks.seenLately(tx);
      const failed = spared ? await failUnknownTasks(tx, spared) : [];
      await releaseHeld(tx, null);
      if (found.length + entries > 0) await notify(tx, 'runs');
      return { reclaimed: found, unknown: failed, added: entries };
    });
    this.metrics.takenOver(reclaimed);
    this.runMetrics.count([...reclaimed.filter(({ state }) => state !== 'pending'), ...unknown]);
    for (const { id, job, state, reason, interrupted } of reclaimed)
      this.logger.warn({ runId: id, job, state, reason, interrupted }, 'run without a process taken over');
    if (added > 0) this.logger.warn({ added }, 'missing queue entries added');
    if (unknown.length > 0) this.logger.error({ runs: unknown.length }, 'runs failed because no worker has their task');
    return reclaimed.length + added + unknown.length > 0;
  }
}
