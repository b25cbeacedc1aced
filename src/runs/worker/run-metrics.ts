import { EventEmitter } from 'node:events';
import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { afterCommit } from '../../database/transaction.js';
import { Metrics } from '../../metrics/metrics.js';
import type { ClaimedRun } from '../lifecycle/claim-runs.js';
import type { EndedRun } from '../lifecycle/run.entity.js';

/** How many jobs get a label. Each label is a series for every kind, state and reason, for as long as the process
 *  lives. */
const MAX_JOBS = 500;
const LATENESS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600];
const DURATION_SECONDS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600];
const CLAIM_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Names of jobs as label values: the first 500 jobs that this process counts keep their names, all others are `other`. */
export class JobLabels {
  private readonly known = new Set<string>();

  of(job: string): string {
    if (this.known.has(job)) return job;
    if (this.known.size >= MAX_JOBS) return 'other';
    this.known.add(job);
    return job;
  }
}

/** Metrics of runs and attempts. A run is counted once in all processes: by the one whose transaction wrote its final
 *  state, after the commit. */
@Injectable()
export class RunMetrics {
  private readonly jobs = new JobLabels();
  private readonly events = new EventEmitter<{ ended: [EndedRun[]] }>();
  private readonly ends;
  private readonly lateness;
  private readonly durations;
  private readonly claims;
  private readonly refused;

  constructor(metrics: Metrics) {
    const ends = 'Runs that have ended, and skipped and missed rows; a range of occurrences is one row';
    this.ends = metrics.counter('runs_total', ends, ['job', 'kind', 'state', 'reason']);
    const lateness = 'From the instant at which a run was due to the start of its first attempt';
    this.lateness = metrics.histogram('run_lateness_seconds', lateness, LATENESS_SECONDS, ['kind']);
    const durations = 'From the start of an attempt to its end, or until it was given up';
    this.durations = metrics.histogram('run_duration_seconds', durations, DURATION_SECONDS, ['task']);
    this.claims = metrics.histogram(
      'claim_duration_seconds',
      'Transactions that claim runs, including those that find none',
      CLAIM_SECONDS,
    );
    const refused = 'Results that arrived after their run had ended, or that belonged to an older attempt';
    this.refused = metrics.counter('results_refused_total', refused);
  }

  /** Calls `listener` with the runs that have ended in this process, after the commit. */
  onEnded(listener: (runs: EndedRun[]) => void): void {
    this.events.on('ended', listener);
  }

  /** Counts runs whose final state is committed already. */
  count(runs: EndedRun[]): void {
    if (runs.length > 0) this.events.emit('ended', runs);
    for (const { job, kind, state, reason } of runs)
      this.ends.inc({ job: this.jobs.of(job), kind, state, reason: reason ?? '' });
  }

  /** Counts runs after `tx` has committed, and never if it is rolled back. */
  ended(tx: EntityManager, runs: EndedRun[]): void {
    if (runs.length > 0) afterCommit(tx, () => this.count(runs));
  }

  started({ kind, attempt, latenessMs }: ClaimedRun): void {
    if (attempt === 1 && latenessMs !== null) this.lateness.observe({ kind }, latenessMs / 1000);
  }

  attempted(task: string, ms: number): void {
    this.durations.observe({ task }, ms / 1000);
  }

  claimed(ms: number): void {
    this.claims.observe(ms / 1000);
  }

  resultRefused(): void {
    this.refused.inc();
  }
}
