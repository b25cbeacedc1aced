import { Injectable } from '@nestjs/common';
import type { ClaimedRun } from '../lifecycle/claim-runs.js';

/** As many runs may be claimed ahead as slots became free within this time. */
const WINDOW_MS = 50;
/** In a process with few slots, a single task that ends says nothing about the next one. */
const MIN_TURNOVER = 5;
/** A run that has waited longer goes back to the queue if no slots become free any more, since other replicas may have
 *  free slots. */
const PATIENCE_MS = 100;
/** A run that has waited longer goes back in any case. Far less than the time after which others could take this process
 *  for dead. */
const MAX_WAIT_MS = 300;
/** After runs had to go back, nothing is claimed ahead for this long. */
const BACK_OFF_MS = 1_000;
/** Instants older than the window are removed when there are more than this, since removing each one alone would cost
 *  more. */
const MAX_KEPT = 1_000;

interface Waiting {
  run: ClaimedRun;
  /** Monotonic milliseconds. */
  since: number;
}

/**
 * The runs that this process has claimed before a slot was free for them, in the order in which they start.
 *
 * A claim takes 5 to 20 ms. If tasks are shorter than that, a worker that claims only for free slots waits for the
 * database most of the time. So it claims more runs than it has slots: as many as slots became free within the last 50
 * ms. At that rate these runs start within the next 50 ms.
 *
 * Such a run is `running` in the database and marked `claimed_ahead`. If its process dies, the run goes back to the
 * queue as if it had never been claimed. Its task may have started since, because the mark is removed a moment later
 * (see StartMarks). So a run that must not be started twice (`onInterruption: fail`) is never claimed ahead.
 */
@Injectable()
export class ClaimedAhead {
  private waiting: Waiting[] = [];
  /** When slots became free, monotonic milliseconds, the oldest first. */
  private freedAt: number[] = [];
  /** The index of the first instant within the window. */
  private firstRecent = 0;
  private pausedUntil = 0;

  /** Whether runs wait for a slot. */
  get any(): boolean {
    return this.waiting.length > 0;
  }

  /** The runs that wait for a slot. */
  get runs(): ClaimedRun[] {
    return this.waiting.map(({ run }) => run);
  }

  slotFreed(): void {
    this.freedAt.push(performance.now());
  }

  /** How many slots became free within the last 50 ms. */
  turnover(): number {
    const since = performance.now() - WINDOW_MS;
    while (this.firstRecent < this.freedAt.length && this.freedAt[this.firstRecent]! <= since) this.firstRecent += 1;
    if (this.firstRecent > MAX_KEPT) {
      this.freedAt = this.freedAt.slice(this.firstRecent);
      this.firstRecent = 0;
    }
    return this.freedAt.length - this.firstRecent;
  }

  /** Whether at least half of this many slots, and at least five, became free within the window. Otherwise a claim takes
   *  little time compared with the tasks. */
  turnsOver(slots: number): boolean {
    return this.turnover() >= Math.max(slots / 2, MIN_TURNOVER);
  }

  /** How many more runs a process with this many slots may claim ahead. Zero if its slots do not turn over. While no run
   *  waits, slots may have been empty, so twice the number that the recent rate shows. */
  allowance(slots: number): number {
    if (!this.turnsOver(slots) || performance.now() < this.pausedUntil) return 0;
    return this.any ? Math.max(0, this.turnover() - this.waiting.length) : 2 * this.turnover();
  }

  add(run: ClaimedRun): void {
    this.waiting.push({ run, since: performance.now() });
  }

  /** Removes and returns the next run to start. Undefined if there is none, or if it has waited too long and must go
   *  back. */
  next(): ClaimedRun | undefined {
    const [first] = this.waiting;
    if (!first || performance.now() - first.since > MAX_WAIT_MS) return undefined;
    this.waiting.shift();
    return startedAfter(first.run, performance.now() - first.since);
  }

  /** Removes and returns the runs that have waited too long. Call it every 50 ms while runs wait. */
  takeExpired(): ClaimedRun[] {
    const longest = this.turnover() > 0 ? MAX_WAIT_MS : PATIENCE_MS;
    const since = performance.now() - longest;
    const expired = this.waiting.filter((waiting) => waiting.since <= since);
    if (expired.length > 0) this.pausedUntil = performance.now() + BACK_OFF_MS;
    this.waiting = this.waiting.slice(expired.length);
    return expired.map(({ run }) => run);
  }

  takeAll(): ClaimedRun[] {
    const all = this.waiting.map(({ run }) => run);
    this.waiting = [];
    return all;
  }
}

/** The run with its real start by the database's clock: the instant of the claim plus the time it has waited since. The
 *  local clock is not used, since it may be wrong. */
function startedAfter(run: ClaimedRun, waitedMs: number): ClaimedRun {
  const startedAt = new Date(run.startedAt.getTime() + Math.round(waitedMs));
  return { ...run, startedAt, latenessMs: run.latenessMs ?? startedAt.getTime() - run.dueAt.getTime() };
}
