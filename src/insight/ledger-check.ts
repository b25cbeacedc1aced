import { Injectable } from '@nestjs/common';
import type { Caller } from '../compute/caller.js';
import { Compute } from '../compute/compute.js';
import {
  type LedgerCheckResult,
  type LedgerCounts,
  type LedgerFinding,
  type LedgerScope,
  NO_COUNTS,
} from '../compute/ledger.js';
import { FairQueue } from '../core/fair-queue.js';
import { ApiDatabase } from '../database/api-database.js';
import { readLedgerJobs, readLedgerState } from './read-ledger.js';

const MAX_JOBS = 500;
const MAX_FINDINGS = 100;
/** Limits of one computation in the thread, which previews share. The first job of it is completed in any case. */
const MOST = { instants: 100_000, ms: 300, findings: MAX_FINDINGS };
const HOUR_MS = 3_600_000;
const NO_ID = '00000000-0000-0000-0000-000000000000';

/** Where a check goes on: with the jobs after the id `after`. `at`: the first of them is checked up to here already, exclusive. */
export interface LedgerPosition {
  after: string;
  at: number | null;
}

export const LEDGER_START: LedgerPosition = { after: NO_ID, at: null };

/** What ends a check before it is complete. */
export interface LedgerLimits {
  ms: number;
  instants: number;
}

export interface CheckedLedger extends LedgerCounts {
  /** Instants are checked from here, which is later than asked for if runs were pruned. */
  from: number;
  to: number;
  /** How many jobs were completed. */
  jobs: number;
  findings: LedgerFinding[];
  /** Null: all jobs are checked. */
  next: LedgerPosition | null;
}

/**
 * Proves that a range of time has no gap: each instant that a kept definition asks for has exactly one row, and each row of the schedule
 * belongs to such an instant.
 *
 * Reads jobs in batches and compares them in the thread for computations, so neither the event loop nor dispatching waits for it. Batches
 * become smaller when they have too many rows or instants; a single job is then checked in parts of the range.
 */
@Injectable()
export class LedgerCheck {
  /** One check at a time, since each keeps a connection and the thread busy. */
  private readonly checks = new FairQueue({ concurrency: 1, maxWaiting: 10, maxMs: 60_000 });

  constructor(
    private readonly database: ApiDatabase,
    private readonly compute: Compute,
  ) {}

  /** Throws TOO_MANY_WAITING, COMPUTATION_FAILED, and the reason of the caller's signal. */
  check(
    caller: Caller,
    range: { from: number; to: number },
    position: LedgerPosition,
    limits: LedgerLimits,
  ): Promise<CheckedLedger> {
    return this.checks.run(caller, () => this.checkInParts(caller, range, position, limits));
  }

  private async checkInParts(
    caller: Caller,
    { from: asked, to }: { from: number; to: number },
    position: LedgerPosition,
    limits: LedgerLimits,
  ): Promise<CheckedLedger> {
    const state = await this.database.transaction((tx) => readLedgerState(tx, asked));
    const from = Math.max(asked, state.prunedUntil ?? asked);
    const next = from <= to ? position : null;
    const checked: CheckedLedger = { ...NO_COUNTS, from, to, jobs: 0, findings: [], next };
    const until = performance.now() + limits.ms;
    let limit = MAX_JOBS;
    let spanMs = Infinity;
    while (checked.next && performance.now() < until && checked.expected < limits.instants) {
      caller.signal.throwIfAborted();
      const { after, at }: LedgerPosition = checked.next;
      const one = at !== null || limit === 1;
      const scope = { ...state, from: at ?? from, to: one ? Math.min(to, (at ?? from) + spanMs) : to };
      const part = await this.checkPart(caller, { after, limit: one ? 1 : limit }, { from, to }, scope);
      if (!part) {
        // A single job of at most an hour always fits.
        if (one) spanMs = Math.max(HOUR_MS, Math.min(spanMs, scope.to - scope.from) / 2);
        else limit = Math.max(1, Math.floor(limit / 4));
        continue;
      }
      add(checked, part);
      const { ids, done } = part;
      if (ids.length === 0) checked.next = null;
      else if (scope.to < to) checked.next = { after, at: scope.to + 1 };
      else {
        checked.next = { after: ids[done - 1]!, at: null };
        checked.jobs += done;
        limit = Math.min(MAX_JOBS, Math.max(limit, done) * 2);
        spanMs = Infinity;
      }
    }
    return checked;
  }

  /** Null: the first job has too many rows or instants in the scope. */
  private async checkPart(
    caller: Caller,
    which: { after: string; limit: number },
    range: { from: number; to: number },
    scope: LedgerScope,
  ): Promise<(LedgerCheckResult & { ids: string[] }) | null> {
    const read = await this.database.transaction((tx) => readLedgerJobs(tx, which, range, scope));
    if (read.tooMany) return null;
    const result = await this.compute.checkLedger(caller, { jobs: read.jobs, scope, most: MOST });
    return read.ids.length > 0 && result.done === 0 ? null : { ...result, ids: read.ids };
  }
}

function add(checked: CheckedLedger, { counts, findings }: LedgerCheckResult): void {
  for (const key of Object.keys(NO_COUNTS) as (keyof LedgerCounts)[]) checked[key] += counts[key];
  checked.findings.push(...findings.slice(0, MAX_FINDINGS - checked.findings.length));
}
