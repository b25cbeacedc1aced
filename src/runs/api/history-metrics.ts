import { Injectable } from '@nestjs/common';
import { rows } from '../../database/transaction.js';
import { DatabaseFigures } from '../../metrics/database-figures.js';
import { Metrics } from '../../metrics/metrics.js';
import { isWaiting } from '../lifecycle/run.entity.js';

const MAX_COUNTED = 100_000;
const MAX_RUNS_READ = 100;

interface Figures {
  startable: number;
  /** Null if none of the last 100 runs of the job succeeded. */
  prunedAt: Date | null;
  /** Null if no loss was ever noticed. */
  dataLossAt: Date | null;
}

/** Figures from the table of runs. Both are read through an index and have a limit, since the table may hold millions
 *  of rows. */
@Injectable()
export class HistoryMetrics {
  constructor(metrics: Metrics, figures: DatabaseFigures) {
    const read = figures.of(async (tx) => (await rows<Figures>(tx, statement))[0]!);
    metrics.gauge(
      'queue_depth',
      'Runs that could start now and are waiting for a slot; counted up to 100,000',
      [],
      async () => {
        const found = await read();
        return found ? [{ value: found.startable }] : [];
      },
    );
    const help = 'End of the last successful run of the job prune-runs';
    metrics.gauge('prune_last_success_timestamp_seconds', help, [], async () => {
      const found = await read();
      return found?.prunedAt ? [{ value: found.prunedAt.getTime() / 1000 }] : [];
    });
    const loss = 'When replicas last noticed that the database has lost committed data; absent if never';
    metrics.gauge('data_loss_last_noticed_timestamp_seconds', loss, [], async () => {
      const found = await read();
      return found?.dataLossAt ? [{ value: found.dataLossAt.getTime() / 1000 }] : [];
    });
  }
}

const statement = `
  SELECT (SELECT count(*)::int FROM (
      SELECT FROM runs WHERE ${isWaiting} AND NOT held
        AND (next_attempt_at IS NULL OR next_attempt_at <= statement_timestamp())
      LIMIT ${MAX_COUNTED}) waiting) AS startable,
    (SELECT max(noticed_at) FROM data_losses) AS "dataLossAt",
    (SELECT finished_at FROM (
      SELECT state, finished_at FROM runs WHERE job = 'prune-runs'
      ORDER BY id DESC LIMIT ${MAX_RUNS_READ}) newest
      WHERE state = 'succeeded' LIMIT 1) AS "prunedAt"`;
