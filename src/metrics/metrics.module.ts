import { type DynamicModule, Module } from '@nestjs/common';
import type { Environment } from '../config/environment.js';
import { packageVersion } from '../core/package-version.js';
import { ApiKeysMetrics } from './api-keys-metrics.js';
import { DatabaseFigures } from './database-figures.js';
import { DatabaseMetrics } from './database-metrics.js';
import { HttpMetrics } from './http-metrics.js';
import { MetricsController, PublicMetricsController } from './metrics.controller.js';
import { Metrics } from './metrics.js';
import { PoolMetrics } from './pool-metrics.js';

/** The metrics registry, and the series of HTTP and the database. Other modules register their own series next to their code. */
@Module({})
export class MetricsModule {
  static with({ METRICS_PUBLIC }: Environment): DynamicModule {
    return {
      module: MetricsModule,
      global: true,
      controllers: [METRICS_PUBLIC ? PublicMetricsController : MetricsController],
      providers: [Metrics, DatabaseFigures, DatabaseMetrics, PoolMetrics, HttpMetrics, ApiKeysMetrics],
      exports: [Metrics, DatabaseFigures, PoolMetrics],
    };
  }

  constructor(metrics: Metrics) {
    const labels = { version: packageVersion, node: process.version };
    metrics.gauge(
      'build_info',
      'Always 1. The labels are the versions of the service and of Node',
      ['version', 'node'],
      () => [{ labels, value: 1 }],
    );
  }
}
