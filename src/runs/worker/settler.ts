import { Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { Loop } from '../../core/loop.js';
import { SchedulerDatabase } from '../../database/scheduler-database.js';
import { type Outcome, quarantined } from '../lifecycle/outcome.js';
import { RunMetrics } from './run-metrics.js';
import { type SettledBefore, settledBefore, type SettledRun, settleRuns } from '../lifecycle/settle-runs.js';

const MAX_BATCH = 500;

interface Waiting {
  outcome: Outcome;
  settled: () => void;
}

/**
 * Writes the results of attempts in small batches: each transaction takes what has arrived during the one before.
 * Results wait in memory until the database accepts or refuses them.
 *
 * If the process dies before the commit, the attempt counts as interrupted, and `onInterruption` decides. If only the
 * reply to the commit is lost, the batch is written again, and settledBefore recognises the results that are stored
 * already.
 */
@Injectable()
export class Settler {
  private readonly waiting: Waiting[] = [];
  private limit = MAX_BATCH;
  readonly loop = new Loop({
    everyMs: 10_000,
    turn: () => this.settleSome(),
    failed: (error) => this.logger.error({ err: error, waiting: this.waiting.length }, 'results not yet written'),
  });

  constructor(
    private readonly database: SchedulerDatabase,
    private readonly metrics: RunMetrics,
    private readonly logger: PinoLogger,
  ) {}

  startWriting(): void {
    this.loop.start();
  }

  stop(): Promise<void> {
    return this.loop.stop();
  }

  /** Resolves when the outcome is committed, or refused because the attempt is stale. Waits while the database is away. */
  settle(outcome: Outcome): Promise<void> {
    return new Promise((settled) => {
      this.waiting.push({ outcome, settled });
      this.loop.wake();
    });
  }

  private async settleSome(): Promise<boolean> {
    const batch = this.waiting.slice(0, this.limit);
    if (batch.length === 0) return false;
    try {
      await this.write(batch.map(({ outcome }) => outcome));
      this.limit = Math.min(MAX_BATCH, this.limit * 2);
    } catch (error) {
      if (isTimeout(error)) this.limit = Math.ceil(batch.length / 2);
      if (!isBadRow(error)) throw error;
      if (batch.length > 1) {
        // One bad row fails the whole statement. Halving the batch finds it, so that only this row is refused.
        this.limit = Math.ceil(batch.length / 2);
        return true;
      }
      await this.writeWithoutResult(batch[0]!.outcome, error as Error);
    }
    this.waiting.splice(0, batch.length).forEach(({ settled }) => settled());
    return this.waiting.length > 0;
  }

  private async write(outcomes: Outcome[]): Promise<void> {
    const { settled, before } = await this.database.transaction(async (tx) => {
      const written = new Map((await settleRuns(tx, outcomes)).map((run) => [run.id, run]));
      const others = outcomes.filter(({ run }) => !written.has(run.id));
      return { settled: written, before: await settledBefore(tx, others) };
    });
    for (const outcome of outcomes) this.report(outcome, settled.get(outcome.run.id), before.get(outcome.run.id));
  }

  private report({ run, error, started }: Outcome, settled?: SettledRun, before?: SettledBefore): void {
    const fields = { runId: run.id, job: run.job, attempt: run.attempt, state: settled?.state };
    if (settled?.state === 'succeeded') this.logger.debug(fields, 'run settled');
    else if (!started) this.logger.debug(fields, 'run given back');
    else if (settled) this.logger.warn({ ...fields, error: error?.message }, 'run settled');
    else if (before) this.logger.info(fields, 'run was settled before, and the reply was lost');
    else {
      this.metrics.resultRefused();
      this.logger.warn(fields, 'stale result refused');
    }
    // A run in `before` was not counted at the time, because its commit seemed to fail.
    const end = settled?.final ? settled : before?.final ? before : undefined;
    if (end) this.metrics.count([{ job: run.job, kind: run.kind, state: end.state, reason: end.reason }]);
  }

  private async writeWithoutResult(outcome: Outcome, error: Error): Promise<void> {
    this.logger.error({ err: error, runId: outcome.run.id, job: outcome.run.job }, 'result cannot be stored');
    await this.write([quarantined(outcome, error.message)]);
  }
}

/** The statement timeout of the transaction: fewer rows may fit. */
const isTimeout = (error: unknown) => (error as { code?: unknown }).code === '57014';

/** SQLSTATE classes 22 (data exception), 23 (constraint violation) and 54 (limit exceeded): the values are the cause,
 *  and a retry would fail again. */
const isBadRow = (error: unknown) => /^(22|23|54)/.test(String((error as { code?: unknown }).code));
