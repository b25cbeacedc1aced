import { Injectable } from '@nestjs/common';
import { Metrics } from '../../metrics/metrics.js';
import type { ReclaimedRun } from '../lifecycle/reclaim-runs.js';

/** Exported as 0 from the start, so that `increase()` sees the first one. `not_started`: the run was claimed, but its
 *  task never started. */
const REASONS = ['rerun', 'worker_lost', 'poison', 'cancelled', 'not_started'];

/** Counts runs of lost processes, in the process that takes them over. */
@Injectable()
export class RecoveryMetrics {
  private readonly recovered;
  private readonly deaths;

  constructor(metrics: Metrics) {
    const recovered = 'Attempts taken over from lost processes, by what happened to their run';
    this.recovered = metrics.counter('attempts_recovered_total', recovered, ['reason']);
    for (const reason of REASONS) this.recovered.inc({ reason }, 0);
    const deaths = 'Processes that were lost while they ran a task; a process counts once for each task that it ran';
    this.deaths = metrics.counter('process_deaths_total', deaths, ['task']);
  }

  takenOver(runs: ReclaimedRun[]): void {
    for (const run of runs) this.recovered.inc({ reason: reasonOf(run) });
    const lost = runs.filter(({ interrupted }) => interrupted);
    for (const [task, runsOfTask] of Map.groupBy(lost, (run) => run.task))
      this.deaths.inc({ task }, new Set(runsOfTask.map(({ replicaNumber }) => replicaNumber)).size);
  }
}

function reasonOf({ state, reason, interrupted }: ReclaimedRun): string {
  if (!interrupted) return 'not_started';
  if (state === 'pending') return 'rerun';
  return state === 'cancelled' ? 'cancelled' : (reason ?? state);
}
