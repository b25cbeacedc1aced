import { Inject, Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { ENVIRONMENT, type Environment } from '../../config/environment.js';
import { Loop } from '../../core/loop.js';
import { SchedulerDatabase } from '../../database/scheduler-database.js';
import { LostReplicas } from '../../replicas/lost-replicas.js';
import { Replicas } from '../../replicas/replicas.js';
import { RunQueue } from '../lifecycle/run-queue.js';
import { Attempts } from '../worker/attempts.js';
import { releaseHeld } from '../lifecycle/release-held.js';
import { reclaimOrphans, replaceLostTickets } from '../lifecycle/reclaim-runs.js';
import { RecoveryMetrics } from './recovery-metrics.js';
import { RunMetrics } from '../worker/run-metrics.js';

/** Sees to it that a dead process blocks no run: looks at its peers often, and reconciles runs and tickets every 10 s. */
@Injectable()
export class Recovery {
  readonly watch = new Loop({
    everyMs: 400,
    turn: () => this.lookAtPeers(),
    failed: (error) => this.logger.warn({ err: error }, 'peers not looked at'),
  });
  readonly reconciler = new Loop({
    everyMs: 10_000,
    turn: () => this.reconcile(),
    failed: (error) => this.logger.error({ err: error }, 'runs and tickets not reconciled'),
  });

  constructor(
    @Inject(ENVIRONMENT) private readonly environment: Environment,
    private readonly database: SchedulerDatabase,
    private readonly queue: RunQueue,
    private readonly replicas: Replicas,
    private readonly lost: LostReplicas,
    private readonly attempts: Attempts,
    private readonly runMetrics: RunMetrics,
    private readonly metrics: RecoveryMetrics,
    private readonly logger: PinoLogger,
  ) {}

  start(): void {
    this.watch.start();
    this.reconciler.start();
  }

  async stop(): Promise<void> {
    await Promise.all([this.watch.stop(), this.reconciler.stop()]);
  }

  private async lookAtPeers(): Promise<void> {
    if (!this.replicas.hasPeers) return this.lost.seeNobody();
    const removed = await this.lost.removeLost();
    if (removed.length === 0) return;
    this.logger.warn({ replicas: removed }, 'replicas lost');
    this.reconciler.wake();
  }

  /** Where there are no runs but finished ones, there is nothing to reconcile. */
  private async isAnythingOpen(): Promise<boolean> {
    const [row] = await this.database.statement<{ open: boolean }>(
      `SELECT EXISTS (SELECT FROM "${this.environment.DATABASE_SCHEMA}".runs
         WHERE state IN ('pending', 'running', 'retrying')) AS open`,
    );
    return row!.open;
  }

  /** True when there may be more than one batch. */
  private async reconcile(): Promise<boolean> {
    if (!(await this.isAnythingOpen())) return false;
    const own = { number: this.replicas.number, active: this.attempts.runs.map(({ id }) => id) };
    const { reclaimed, tickets } = await this.database.transaction(async (tx) => {
      const found = await reclaimOrphans(tx, this.queue, own);
      const replaced = await replaceLostTickets(tx, this.queue);
      await releaseHeld(tx, this.queue, null);
      if (found.length + replaced > 0) await this.queue.announce(tx);
      return { reclaimed: found, tickets: replaced };
    });
    this.metrics.takenOver(reclaimed);
    this.runMetrics.count(reclaimed.filter(({ state }) => state !== 'pending'));
    for (const { id, job, state, reason } of reclaimed)
      this.logger.warn({ runId: id, job, state, reason }, 'run of a lost process taken over');
    if (tickets > 0) this.logger.warn({ tickets }, 'lost tickets replaced');
    return reclaimed.length + tickets > 0;
  }
}
