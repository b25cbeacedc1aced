import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
import { API } from './data-source.js';
import { withoutDeadlock } from './deadlock.js';
import { transaction } from './transaction.js';

/** The connections that requests share. */
@Injectable()
export class ApiDatabase {
  constructor(
    @InjectDataSource(API) private readonly source: DataSource,
    @Inject(ENVIRONMENT) private readonly environment: Environment,
  ) {}

  /** `work` is done again after a deadlock, so it has no effects but those in the transaction. */
  transaction<T>(work: (tx: EntityManager) => Promise<T>, timeoutMs = 5_000): Promise<T> {
    return withoutDeadlock(() => transaction(this.source, this.environment.DATABASE_SCHEMA, timeoutMs, work));
  }
}
