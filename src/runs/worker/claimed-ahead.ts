import { Injectable } from '@nestjs/common';
import type { ClaimedRun } from '../lifecycle/claim-runs.js';

/** Claims look this far ahead. */
const WINDOW_MS = 50;
/** A run that has waited longer goes back, since other replicas may have free slots. */
const MAX_WAIT_MS = 100;
/** After runs had to go back, nothing is claimed ahead for so long. */
const BACK_OFF_MS = 1_000;
/** Instants that are kept although they are older than the window. */
const MAX_KEPT = 1_000;

interface Waiting {
  run: ClaimedRun;
  /** Monotonic milliseconds. */
  since: number;
}

/**
 * The runs that this process has claimed before a slot was free for them, in the order in which they start.
 *
 * A claim takes 5 to 20 ms. Where tasks are shorter, a worker that claims only into free slots waits for the database most of the time.
 * So it claims as many runs more as slots became free within the last 50 ms, and no more: these will start within 50 ms too. Such a run
 * is running in the database and marked `claimed_ahead`. When its process dies, it goes back to the queue as if it had never been
 * claimed. A run that must not be started twice (`onInterruption: fail`) is never claimed ahead.
 */
@Injectable()
export class ClaimedAhead {
  private waiting: Waiting[] = [];
  /** When slots became free, monotonic milliseconds, the oldest first. */
  private freedAt: number[] = [];
  /** The first of these that lies within the window. */
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

  /** How many more runs may be claimed ahead by a process with so many slots. None where fewer than half of the slots turn over within
   *  the window: there, a claim costs little compared with the tasks. */
  allowance(slots: number): number {
    const turnover = this.turnover();
    if (turnover * 2 < slots || performance.now() < this.pausedUntil) return 0;
    return Math.max(0, turnover - this.waiting.length);
  }

  add(run: ClaimedRun): void {
    this.waiting.push({ run, since: performance.now() });
  }

  /** The next run to start; undefined: none, or it has waited too long and goes back. */
  next(): ClaimedRun | undefined {
    const [first] = this.waiting;
    if (!first || performance.now() - first.since > MAX_WAIT_MS) return undefined;
    this.waiting.shift();
    return startedAfter(first.run, performance.now() - first.since);
  }

  /** Milliseconds until the first run has waited too long; null: none waits. */
  expiresInMs(): number | null {
    const [first] = this.waiting;
    return first ? Math.max(0, first.since + MAX_WAIT_MS - performance.now()) : null;
  }

  /** Removes and returns the runs that have waited too long. */
  takeExpired(): ClaimedRun[] {
    const since = performance.now() - MAX_WAIT_MS;
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

/** The run with its real start, by the database's clock: the instant of the claim, and the time that it has waited since. */
function startedAfter(run: ClaimedRun, waitedMs: number): ClaimedRun {
  const startedAt = new Date(run.startedAt.getTime() + Math.round(waitedMs));
  return { ...run, startedAt, latenessMs: run.latenessMs ?? startedAt.getTime() - run.dueAt.getTime() };
}
