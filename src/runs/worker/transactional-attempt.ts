import { Inject, Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import type { EntityManager } from 'typeorm';
import { ENVIRONMENT, type Environment } from '../../config/environment.js';
import { CodedError } from '../../core/coded-error.js';
import { rows } from '../../database/transaction.js';
import { withCancel } from '../../database/cancel-backend.js';
import type { ClaimedRun } from '../lifecycle/claim-runs.js';
import { outcomeOf } from '../lifecycle/outcome.js';
import { RunMetrics } from './run-metrics.js';
import { type SettledRun, settleRuns } from '../lifecycle/settle-runs.js';
import { TransactionalDatabase } from './transactional-database.js';

/** Runs a task in one transaction with its own completion: what it wrote and `succeeded` commit together or not at all. */
@Injectable()
export class TransactionalAttempt {
  constructor(
    @Inject(ENVIRONMENT) private readonly environment: Environment,
    private readonly database: TransactionalDatabase,
    private readonly metrics: RunMetrics,
    private readonly logger: PinoLogger,
  ) {}

  /** Commits what `task` writes together with its output, JSON text; throws, and has written nothing, otherwise. */
  async run(run: ClaimedRun, signal: AbortSignal, task: (tx: EntityManager) => Promise<string | null>): Promise<void> {
    const { state, reason } = await this.database.transaction(run.timeoutSeconds * 1000, async (tx) => {
      const { id, pid } = await placeOf(tx);
      const failed = (error: unknown) => this.logger.warn({ err: error }, 'statement could not be cancelled');
      const url = this.environment.DATABASE_URL;
      const output = await withCancel({ url, pid, signal, failed }, () => task(tx));
      if ((await placeOf(tx)).id !== id) throw new TransactionEndedError();
      return this.settle(tx, run, output);
    });
    this.metrics.count([{ job: run.job, kind: run.kind, state, reason }]);
  }

  /** Last, so that the run's row is locked for no longer than it must be. */
  private async settle(tx: EntityManager, run: ClaimedRun, output: string | null): Promise<SettledRun> {
    await tx.query(`SELECT set_config('search_path', $1, true)`, [this.environment.DATABASE_SCHEMA]);
    const outcome = outcomeOf(run, { state: 'succeeded', output }, null, 0);
    const [settled] = await settleRuns(tx, [outcome]);
    if (!settled) throw new StaleAttemptError(run.attempt);
    return settled;
  }
}

/** The transaction's id is assigned at once, so that it stays the same for as long as the transaction. */
async function placeOf(tx: EntityManager): Promise<{ id: string; pid: number }> {
  const [place] = await rows<{ id: string; pid: number }>(
    tx,
    'SELECT pg_current_xact_id()::text AS id, pg_backend_pid() AS pid',
  );
  return place!;
}

export class TransactionEndedError extends CodedError {
  constructor() {
    super(
      'TRANSACTION_ENDED',
      'The task has ended the transaction of its attempt; leave BEGIN, COMMIT and ROLLBACK to the service',
    );
  }
}

export class StaleAttemptError extends CodedError {
  constructor(attempt: number) {
    super('STALE_ATTEMPT', `Attempt ${attempt} is no longer the run's own, so its writes were rolled back`);
  }
}
