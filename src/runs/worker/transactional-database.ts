import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { PoolClient } from 'pg';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource, type EntityManager } from 'typeorm';
import { ENVIRONMENT, type Environment } from '../../config/environment.js';
import { destroyAfterAbort } from '../../database/cancel-backend.js';
import { dataSourceOptions, TASKS } from '../../database/data-source.js';
import { noTransactionTimeout, READ_COMMITTED, taskSettings } from '../../database/transaction-settings.js';
import { PoolMetrics } from '../../metrics/pool-metrics.js';

/** The connection pool of transactional attempts. Each attempt holds one connection for its whole time and never needs
 *  a second one. Claims take no more transactional runs than the pool has connections. The pool is opened when the
 *  first one runs. */
@Injectable()
export class TransactionalDatabase implements OnModuleDestroy {
  private source: Promise<DataSource> | undefined;

  constructor(
    @Inject(ENVIRONMENT) private readonly environment: Environment,
    @InjectDataSource() private readonly tasks: DataSource,
    private readonly metrics: PoolMetrics,
  ) {}

  /** Runs `work` in one transaction, in which each statement ends after `timeoutMs`. If this process dies, the server
   *  notices within a second, even during a statement, and rolls back. If the database falls silent, at whatever statement,
   *  the connection is destroyed some seconds after `signal` aborts, so that it does not keep the slot. */
  async transaction<T>(timeoutMs: number, signal: AbortSignal, work: (tx: EntityManager) => Promise<T>): Promise<T> {
    const source = await (this.source ??= this.open());
    const runner = source.createQueryRunner();
    try {
      const client: PoolClient = await runner.connect();
      const stopGuard = destroyAfterAbort(client, signal);
      try {
        return await runner.manager.transaction(async (tx) => {
          await tx.query(settingsOf(Math.max(1, Math.ceil(timeoutMs))));
          return work(tx);
        });
      } finally {
        // The next task must not inherit settings, advisory locks or temporary tables. If this fails, the connection is
        // closed, and the pool drops it.
        await client.query('DISCARD ALL').catch(() => client.end());
        stopGuard();
      }
    } finally {
      await runner.release();
    }
  }

  async onModuleDestroy(): Promise<void> {
    await (await this.source)?.destroy();
  }

  /** Opens the pool with the entities of the default DataSource, where users register theirs. A failure is not kept, so
   *  that the next attempt tries again. */
  private open(): Promise<DataSource> {
    const options = dataSourceOptions(this.environment, TASKS, this.environment.TRANSACTIONAL_POOL_MAX);
    const source = new DataSource({ ...options, entities: this.tasks.options.entities ?? [] });
    return source.initialize().then(
      () => {
        this.metrics.watch('transactional', source);
        return source;
      },
      (error) => {
        this.source = undefined;
        throw error;
      },
    );
  }
}

/** The settlement of the run is part of the transaction and needs READ COMMITTED. */
const settingsOf = (timeoutMs: number): string =>
  `${READ_COMMITTED};
   SELECT set_config('statement_timeout', '${timeoutMs}', true),
     set_config('idle_in_transaction_session_timeout', '${timeoutMs}', true),
     set_config('client_connection_check_interval', '1000', true), ${taskSettings},
     ${noTransactionTimeout}`;
