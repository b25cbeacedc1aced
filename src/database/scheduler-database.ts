import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
import { SCHEDULER } from './data-source.js';
import { retryConflicts } from './retry-conflicts.js';
import { transaction } from './transaction.js';

/** The connection pool of the scheduler. Requests and tasks have their own pools, so they cannot exhaust this one. */
@Injectable()
export class SchedulerDatabase {
  constructor(
    @InjectDataSource(SCHEDULER) private readonly source: DataSource,
    @Inject(ENVIRONMENT) private readonly environment: Environment,
  ) {}

  /** The schema of the service's tables. */
  get schema(): string {
    return this.environment.DATABASE_SCHEMA;
  }

  /** Runs one statement without a transaction and returns its rows, which saves the three statements that a transaction adds. Table
   *  names must be qualified. It runs with the settings of the role: only the client limits the time, so do not use it for statements
   *  that take locks others wait for, and do not return `float8`. It is sent again after a serialization failure. */
  async statement<T>(text: string, values: unknown[] = []): Promise<T[]> {
    return retryConflicts(async () => {
      const runner = this.source.createQueryRunner();
      try {
        return (await runner.query(text, values, true)).records as T[];
      } finally {
        await runner.release();
      }
    });
  }

  /** Runs `work` in one transaction, in which each statement ends after `timeoutMs` milliseconds. */
  transaction<T>(work: (tx: EntityManager) => Promise<T>, timeoutMs = 10_000): Promise<T> {
    return transaction(this.source, this.environment.DATABASE_SCHEMA, timeoutMs, work);
  }
}
