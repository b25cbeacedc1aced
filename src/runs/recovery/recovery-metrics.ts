import { Injectable } from '@nestjs/common';
import { Metrics } from '../../metrics/metrics.js';
import type { ReclaimedRun } from '../lifecycle/reclaim-runs.js';

/** Told from the start, so that a first one is seen to be one more. `not_started`: the answer to its claim got lost. */
const FATES = ['rerun', 'worker_lost', 'poison', 'cancelled', 'not_started'];

/** What became of runs whose process was lost, counted by who took them over. */
@Injectable()
export class RecoveryMetrics {
  private readonly recovered;
  private readonly deaths;

  constructor(metrics: Metrics) {
    const recovered = 'Attempts taken over from processes that were lost, by what becomes of their run';
    this.recovered = metrics.counter('attempts_recovered_total', recovered, ['reason']);
    for (const reason of FATES) this.recovered.inc({ reason }, 0);
    const deaths = 'Processes that were lost while they ran a task; one counts once for each task that it ran';
    this.deaths = metrics.counter('process_deaths_total', deaths, ['task']);
  }

  takenOver(runs: ReclaimedRun[]): void {
    for (const run of runs) this.recovered.inc({ reason: fateOf(run) });
    const lost = runs.filter(({ interrupted }) => interrupted);
    for (const [task, alike] of Map.groupBy(lost, (run) => run.task))
      this.deaths.inc({ task }, new Set(alike.map(({ replicaNumber }) => replicaNumber)).size);
  }
}

function fateOf({ state, reason, interrupted }: ReclaimedRun): string {
  if (!interrupted) return 'not_started';
  if (state === 'pending') return 'rerun';
  return state === 'cancelled' ? 'cancelled' : (reason ?? state);
}
