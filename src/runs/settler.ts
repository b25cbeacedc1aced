import { Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { Loop } from '../core/loop.js';
import { SchedulerDatabase } from '../database/scheduler-database.js';
import { RunQueue } from '../queue/run-queue.js';
import { quarantined } from './outcome.js';
import { type Outcome, settleRuns } from './settle-runs.js';
import { settledBefore } from './settled-before.js';

const LARGEST_BATCH = 500;

interface Waiting {
  outcome: Outcome;
  settled: () => void;
}

/** Writes the ends of attempts in micro-batches: whatever has ended since the last transaction. Keeps trying until the database takes them. */
@Injectable()
export class Settler {
  private readonly waiting: Waiting[] = [];
  private limit = LARGEST_BATCH;
  private readonly loop = new Loop({
    everyMs: 10_000,
    turn: () => this.settleSome(),
    failed: (error) => this.logger.error({ err: error, waiting: this.waiting.length }, 'results not yet written'),
  });

  constructor(
    private readonly database: SchedulerDatabase,
    private readonly queue: RunQueue,
    private readonly logger: PinoLogger,
  ) {}

  start(): void {
    this.loop.start();
  }

  stop(): Promise<void> {
    return this.loop.stop();
  }

  /** Resolves when the outcome is committed, or refused for good. */
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
      this.limit = Math.min(LARGEST_BATCH, this.limit * 2);
    } catch (error) {
      if (!isBadRow(error)) throw error;
      if (batch.length > 1) {
        // Down to the one bad row, so that it alone is refused.
        this.limit = Math.ceil(batch.length / 2);
        return true;
      }
      await this.writeWithoutResult(batch[0]!.outcome, error as Error);
    }
    this.waiting.splice(0, batch.length).forEach(({ settled }) => settled());
    return this.waiting.length > 0;
  }

  private async write(outcomes: Outcome[]): Promise<void> {
    const { states, before } = await this.database.transaction(async (tx) => {
      const settled = await settleRuns(tx, this.queue, outcomes);
      const written = new Map(settled.map(({ id, state }) => [id, state]));
      return {
        states: written,
        before: await settledBefore(
          tx,
          outcomes.filter(({ run }) => !written.has(run.id)),
        ),
      };
    });
    for (const { run, error } of outcomes) {
      const state = states.get(run.id);
      const fields = { runId: run.id, job: run.job, attempt: run.attempt, state };
      if (state === 'succeeded') this.logger.debug(fields, 'run settled');
      else if (state !== undefined) this.logger.warn({ ...fields, error: error?.message }, 'run settled');
      else if (before.has(run.id)) this.logger.info(fields, 'run was settled before, and the answer got lost');
      else this.logger.warn(fields, 'stale result refused');
    }
  }

  private async writeWithoutResult(outcome: Outcome, error: Error): Promise<void> {
    this.logger.error({ err: error, runId: outcome.run.id, job: outcome.run.job }, 'result cannot be stored');
    await this.write([quarantined(outcome, error.message)]);
  }
}

/** SQLSTATE classes 22, 23 and 54: the values are at fault, and trying again would not help. */
const isBadRow = (error: unknown) => /^(22|23|54)/.test(String((error as { code?: unknown }).code));
