import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
import { API } from './data-source.js';
import { retryConflicts } from './retry-conflicts.js';
import { transaction } from './transaction.js';

/** The connection pool of API requests. */
@Injectable()
export class ApiDatabase {
  constructor(
    @InjectDataSource(API) private readonly source: DataSource,
    @Inject(ENVIRONMENT) private readonly environment: Environment,
  ) {}

  /** Runs `work` in one transaction, in which each statement ends after `timeoutMs` milliseconds. Runs it again after a deadlock or a
   *  serialization failure, so `work` must have no effects outside the transaction. */
  transaction<T>(work: (tx: EntityManager) => Promise<T>, timeoutMs = 5_000): Promise<T> {
    return retryConflicts(() => transaction(this.source, this.environment.DATABASE_SCHEMA, timeoutMs, work));
  }
}
