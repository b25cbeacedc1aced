import { Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { Loop } from '../../core/loop.js';
import { SchedulerDatabase } from '../../database/scheduler-database.js';
import { LostReplicas } from '../../replicas/lost-replicas.js';
import { notify } from '../../replicas/notify.js';
import { Replicas } from '../../replicas/replicas.js';
import { failUnknownTasks, reclaimOrphans, repairQueue } from '../lifecycle/reclaim-runs.js';
import { releaseHeld } from '../lifecycle/release-held.js';
import { isUnfinished } from '../lifecycle/run.entity.js';
import { Attempts } from '../worker/attempts.js';
import { RunMetrics } from '../worker/run-metrics.js';
import { LiveTasks } from './live-tasks.js';
import { RecoveryMetrics } from './recovery-metrics.js';

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

  /** Returns true if there may be another batch. */
  private async reconcile(): Promise<boolean> {
    if (!(await this.hasUnfinishedRuns())) return false;
    // Read before the transaction. A run that is claimed in between is not in the list, and is not taken for an orphan
    // either, because these must be 10 s old.
    const own = { number: this.replicas.number, active: this.attempts.runs.map(({ id }) => id) };
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
