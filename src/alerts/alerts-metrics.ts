import { Injectable } from '@nestjs/common';
import { rows } from '../database/transaction.js';
import { incidentConditions } from '../jobs/definition/alert.schema.js';
import { DatabaseFigures } from '../metrics/database-figures.js';
import { Metrics } from '../metrics/metrics.js';

/** How many alerts are open. */
@Injectable()
export class AlertsMetrics {
  constructor(metrics: Metrics, figures: DatabaseFigures) {
    const read = figures.of((tx) =>
      rows<{ condition: string; open: number }>(
        tx,
        'SELECT condition, count(*)::int AS open FROM incidents WHERE closed_at IS NULL GROUP BY 1',
      ),
    );
    metrics.gauge('alerts_open', 'Alerts that are open, by condition', ['condition'], async () => {
      const found = await read();
      return found === null
        ? []
        : incidentConditions.map((condition) => ({
            labels: { condition },
            value: found.find((one) => one.condition === condition)?.open ?? 0,
          }));
    });
  }
}
