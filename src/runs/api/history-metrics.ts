import { Injectable } from '@nestjs/common';
import { rows } from '../../database/transaction.js';
import { DatabaseFigures } from '../../metrics/database-figures.js';
import { Metrics } from '../../metrics/metrics.js';
import { isWaiting } from '../lifecycle/run.entity.js';

const MOST_COUNTED = 100_000;
const MOST_LOOKED_AT = 100;

interface Figures {
  startable: number;
  /** Null: not one of its last 100 runs. */
  prunedAt: Date | null;
}

/** What the table of runs says, by its indexes: it may hold millions. */
@Injectable()
export class HistoryMetrics {
  constructor(metrics: Metrics, figures: DatabaseFigures) {
    const read = figures.of(async (tx) => (await rows<Figures>(tx, statement))[0]!);
    metrics.gauge(
      'queue_depth',
      'Runs that could start now and wait for a slot, counted up to 100,000',
      [],
      async () => {
        const found = await read();
        return found ? [{ value: found.startable }] : [];
      },
    );
    const help = 'When the job prune-runs last succeeded';
    metrics.gauge('prune_last_success_timestamp_seconds', help, [], async () => {
      const found = await read();
      return found?.prunedAt ? [{ value: found.prunedAt.getTime() / 1000 }] : [];
    });
  }
}

const statement = `
  SELECT (SELECT count(*)::int FROM (
      SELECT FROM runs WHERE ${isWaiting} AND NOT held
        AND (next_attempt_at IS NULL OR next_attempt_at <= statement_timestamp())
      LIMIT ${MOST_COUNTED}) waiting) AS startable,
    (SELECT finished_at FROM (
      SELECT state, finished_at FROM runs WHERE job = 'prune-runs'
      ORDER BY id DESC LIMIT ${MOST_LOOKED_AT}) newest
      WHERE state = 'succeeded' LIMIT 1) AS "prunedAt"`;
