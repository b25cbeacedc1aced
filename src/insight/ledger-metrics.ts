import { Injectable } from '@nestjs/common';
import { rows } from '../database/transaction.js';
import { DatabaseFigures } from '../metrics/database-figures.js';
import { Metrics } from '../metrics/metrics.js';
import { LEDGER_JOB } from './check-ledger.task.js';

interface Figures {
  unexplained: number;
  doubled: number;
}

/** What the last check of the ledger has found. */
@Injectable()
export class LedgerMetrics {
  constructor(metrics: Metrics, figures: DatabaseFigures) {
    const read = figures.of(async (tx) => (await rows<Figures>(tx, statement, [LEDGER_JOB]))[0] ?? null);
    const gauge = (name: keyof Figures, help: string) =>
      metrics.gauge(`ledger_${name}`, help, [], async () => {
        const found = await read();
        return found ? [{ value: found[name] }] : [];
      });
    gauge('unexplained', 'Occurrences without a row, and rows without an occurrence, that the last ledger.check found');
    gauge('doubled', 'Occurrences with two rows that the last ledger.check found');
  }
}

const statement = `
  SELECT (output->>'unexplained')::int AS unexplained, (output->>'doubled')::int AS doubled FROM (
    SELECT state, output FROM runs WHERE job = $1 ORDER BY id DESC LIMIT 100) AS run
  WHERE state = 'succeeded' LIMIT 1`;
