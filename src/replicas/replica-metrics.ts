import { Injectable } from '@nestjs/common';
import { rows } from '../database/transaction.js';
import { DatabaseFigures } from '../metrics/database-figures.js';
import { Metrics } from '../metrics/metrics.js';

interface ReplicaFigures {
  version: string;
  role: string;
  replicas: number;
}

/** The number of live replicas, and how often this process lost its session. */
@Injectable()
export class ReplicaMetrics {
  private readonly reconnects;

  constructor(metrics: Metrics, figures: DatabaseFigures) {
    this.reconnects = metrics.counter(
      'listen_reconnects_total',
      'How often the session that listens and holds the lock of this replica was lost and re-established',
    );
    const replicas = figures.of((tx) => rows<ReplicaFigures>(tx, byVersion));
    const help = 'Live replicas; a replica with several roles counts once for each';
    const tzVersions = figures.of((tx) => rows<{ version: string; replicas: number }>(tx, byTzVersion));
    const zoneData = 'Live replicas by the version of their time zone data';
    metrics.gauge('zone_data_replicas', zoneData, ['version'], async () =>
      ((await tzVersions()) ?? []).map(({ version, replicas: value }) => ({ labels: { version }, value })),
    );
    metrics.gauge('replicas', help, ['version', 'role'], async () =>
      ((await replicas()) ?? []).map(({ version, role, replicas: value }) => ({ labels: { version, role }, value })),
    );
  }

  reconnected(): void {
    this.reconnects.inc();
  }
}

const byTzVersion = `
  SELECT COALESCE(tz_version, 'unknown') AS version, count(*)::int AS replicas FROM replicas GROUP BY 1`;
const byVersion = `
  SELECT COALESCE(version, 'unknown') AS version, unnest(roles) AS role, count(*)::int AS replicas
  FROM replicas GROUP BY 1, 2`;
