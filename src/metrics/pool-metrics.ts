import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { API, SCHEDULER, TASKS } from '../database/data-source.js';
import { poolOf } from '../database/pool-of.js';
import { Metrics } from './metrics.js';

/** The number of connections in each pool of this process, and of callers that wait for one. */
@Injectable()
export class PoolMetrics {
  private readonly sources = new Map<string, DataSource>();

  constructor(
    metrics: Metrics,
    @InjectDataSource() tasks: DataSource,
    @InjectDataSource(API) api: DataSource,
    @InjectDataSource(SCHEDULER) scheduler: DataSource,
  ) {
    this.watch(TASKS, tasks);
    this.watch(API, api);
    this.watch(SCHEDULER, scheduler);
    const help = 'Connections of a pool of this process that are used or idle, and callers that wait for one';
    metrics.gauge('database_pool_connections', help, ['pool', 'state'], () =>
      [...this.sources].flatMap(([pool, source]) => samplesOf(pool, source)),
    );
  }

  /** Adds the pool of an initialized DataSource, under the label `pool`. */
  watch(pool: string, source: DataSource): void {
    this.sources.set(pool, source);
  }
}

function samplesOf(pool: string, source: DataSource) {
  const { totalCount, idleCount, waitingCount } = poolOf(source);
  return Object.entries({ used: totalCount - idleCount, idle: idleCount, waiting: waitingCount }).map(
    ([state, value]) => ({ labels: { pool, state }, value }),
  );
}
