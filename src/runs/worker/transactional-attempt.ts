import { Inject, Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import type { ClientBase } from 'pg';
import type { EntityManager } from 'typeorm';
import { ENVIRONMENT, type Environment } from '../../config/environment.js';
import { CodedError } from '../../core/coded-error.js';
import { rows } from '../../database/transaction.js';
import { settingsAfterTask } from '../../database/transaction-settings.js';
import { withCancel } from '../../database/cancel-backend.js';
import type { ClaimedRun } from '../lifecycle/claim-runs.js';
import { outcomeOf } from '../lifecycle/outcome.js';
import { RunMetrics } from './run-metrics.js';
import { type SettledRun, settleRuns } from '../lifecycle/settle-runs.js';
import { TransactionalDatabase } from './transactional-database.js';

/**
 * Runs a task in one transaction with the settlement of its run: the task's writes and `succeeded` commit together or
 * not at all. This is what makes a transactional task run exactly once.
 *
 * If the process dies before the commit, the server rolls the writes back, and the run is started again. If the reply
 * to the commit is lost, the attempt fails here, but the run has succeeded. The settler recognises that and keeps the
 * success.
 */
@Injectable()
export class TransactionalAttempt {
  constructor(
    @Inject(ENVIRONMENT) private readonly environment: Environment,
    private readonly database: TransactionalDatabase,
    private readonly metrics: RunMetrics,
    private readonly logger: PinoLogger,
  ) {}

  /** Commits the writes of `task` together with its output (JSON text). Throws if the task throws, if it has ended the
   *  transaction or made it read-only, or if the attempt is stale. Nothing is written then. */
  async run(run: ClaimedRun, signal: AbortSignal, task: (tx: EntityManager) => Promise<string | null>): Promise<void> {
    const { state, reason } = await this.database.transaction(run.timeoutSeconds * 1000, signal, async (tx) => {
      const client = (await tx.queryRunner!.connect()) as ClientBase;
      const before = await currentTransaction(tx);
      const failed = (error: unknown) => this.logger.warn({ err: error }, 'statement could not be cancelled');
      const url = this.environment.DATABASE_URL;
      const output = await withCancel({ url, client, pid: () => before.pid, signal, failed }, () => task(tx));
      signal.throwIfAborted();
      // A task that has sent COMMIT or ROLLBACK is in another transaction now, or in none.
      const after = await currentTransaction(tx);
      if (after.id !== before.id) throw new TransactionEndedError();
      // The settlement would fail like a statement on a read-only database. A transaction cannot leave this mode again.
      if (after.readOnly && !before.readOnly) throw new TransactionReadOnlyError();
      return this.settle(tx, run, output);
    });
    this.metrics.count([{ job: run.job, kind: run.kind, state, reason }]);
  }

  /** The last statements of the transaction, so that the row of the run is not locked while the task runs. The attempt
   *  number is checked here: a stale attempt settles nothing, and the throw rolls its writes back. */
  private async settle(tx: EntityManager, run: ClaimedRun, output: string | null): Promise<SettledRun> {
    // Tasks have settings of their own. The statements from here on need ours.
    await tx.query(settingsAfterTask(this.environment.DATABASE_SCHEMA));
    const outcome = outcomeOf(run, { state: 'succeeded', output }, null, 0);
    const [settled] = await settleRuns(tx, [outcome]);
    if (!settled) throw new StaleAttemptError(run.attempt);
    return settled;
  }
}

interface CurrentTransaction {
  id: string;
  /** The backend that executes it. */
  pid: number;
  readOnly: boolean;
}

/** pg_current_xact_id() assigns an id even to a transaction that has written nothing, and the id stays the same until the
 *  transaction ends. */
async function currentTransaction(tx: EntityManager): Promise<CurrentTransaction> {
  const [current] = await rows<CurrentTransaction>(
    tx,
    `SELECT pg_current_xact_id()::text AS id, pg_backend_pid() AS pid, current_setting('transaction_read_only') = 'on' AS "readOnly"`,
  );
  return current!;
}

export class TransactionEndedError extends CodedError {
  constructor() {
    super(
      'TRANSACTION_ENDED',
      'The task has ended the transaction of its attempt. The service sends BEGIN, COMMIT and ROLLBACK; the task must not',
    );
  }
}

export class TransactionReadOnlyError extends CodedError {
  constructor() {
    super(
      'TRANSACTION_READ_ONLY',
      'The task has made the transaction of its attempt read-only, so the run cannot be stored as succeeded. The task, and the \
functions that it calls, must not SET TRANSACTION READ ONLY or transaction_read_only',
    );
  }
}

export class StaleAttemptError extends CodedError {
  constructor(attempt: number) {
    super(
      'STALE_ATTEMPT',
      `Attempt ${attempt} is stale: the run was started again or has ended. Its writes were rolled back`,
    );
  }
}
