import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
import { SCHEDULER } from './data-source.js';
import { transaction } from './transaction.js';

/** The scheduler's own connections, which no request and no task can use up. */
@Injectable()
export class SchedulerDatabase {
  constructor(
    @InjectDataSource(SCHEDULER) private readonly source: DataSource,
    @Inject(ENVIRONMENT) private readonly environment: Environment,
  ) {}

  /** Where our tables are. */
  get schema(): string {
    return this.environment.DATABASE_SCHEMA;
  }

  /** The rows of one statement by itself, without the three around it in a transaction. Names have to be qualified, and only
   *  the client limits its time: not for what takes locks that others wait for. */
  async statement<T>(text: string, values: unknown[] = []): Promise<T[]> {
    const runner = this.source.createQueryRunner();
    try {
      return (await runner.query(text, values, true)).records as T[];
    } finally {
      await runner.release();
    }
  }

  transaction<T>(work: (tx: EntityManager) => Promise<T>, timeoutMs = 10_000): Promise<T> {
    return transaction(this.source, this.environment.DATABASE_SCHEMA, timeoutMs, work);
  }
}
