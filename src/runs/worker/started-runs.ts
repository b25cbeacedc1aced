import { Injectable } from '@nestjs/common';
import type { ClaimedRun } from '../lifecycle/claim-runs.js';

const MAX_KEPT = 1_000;
/** Much less than the shortest time for which runs are kept. */
const MAX_AGE_MS = 3_600_000;

export interface StartedRun {
  id: string;
  attempt: number;
  /** By the database's clock. */
  startedAt: Date;
  /** True if the end of the attempt is stored. */
  ended: boolean;
  /** Monotonic milliseconds. */
  at: number;
  /** True if its loss was reported. */
  reported: boolean;
}

/** The last 1,000 runs that this process has started within an hour. Their claims were committed, so a database without them has lost
 *  data. */
@Injectable()
export class StartedRuns {
  private readonly runs = new Map<string, StartedRun>();

  add({ id, attempt, startedAt }: Pick<ClaimedRun, 'id' | 'attempt' | 'startedAt'>): void {
    // The map keeps the order in which the runs were started last.
    this.runs.delete(id);
    this.runs.set(id, { id, attempt, startedAt, ended: false, at: performance.now(), reported: false });
    if (this.runs.size > MAX_KEPT) this.runs.delete(this.runs.keys().next().value!);
  }

  /** Call this when the end of an attempt is stored or was refused. */
  ended({ id, attempt }: Pick<ClaimedRun, 'id' | 'attempt'>): void {
    const run = this.runs.get(id);
    if (run?.attempt === attempt) run.ended = true;
  }

  /** Whether this process is known to have started this attempt. */
  has({ id, attempt }: Pick<ClaimedRun, 'id' | 'attempt'>): boolean {
    return this.runs.get(id)?.attempt === attempt;
  }

  /** Those whose loss was not reported yet. */
  get recent(): StartedRun[] {
    const since = performance.now() - MAX_AGE_MS;
    return [...this.runs.values()].filter(({ at, reported }) => at > since && !reported);
  }

  markReported(ids: string[]): void {
    for (const id of ids) {
      const run = this.runs.get(id);
      if (run) run.reported = true;
    }
  }
}
