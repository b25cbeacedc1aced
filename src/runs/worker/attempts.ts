import { setTimeout as pause } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { ClaimedRun } from '../lifecycle/claim-runs.js';
import type { CancelledError, InterruptedError } from '../lifecycle/run-errors.js';

export interface Attempt {
  run: ClaimedRun;
  stop: AbortController;
  /** The task has come back. */
  back: boolean;
  /** The run has its end, and the task has not come back. */
  abandoned: boolean;
  /** The end is written. */
  done: Promise<void>;
}

/** What this process executes: a slot each until the task has come back, and a place here until its end is written, too. */
@Injectable()
export class Attempts {
  private readonly all = new Set<Attempt>();

  get runs(): ClaimedRun[] {
    return [...this.all].map(({ run }) => run);
  }

  /** Those whose task has not come back: they hold a slot. */
  get holding(): ClaimedRun[] {
    return [...this.all].flatMap(({ back, run }) => (back ? [] : [run]));
  }

  /** How many have come back, and wait for their end to be written. */
  get unwritten(): number {
    return this.runs.length - this.holding.length;
  }

  /** The runs that have their end, and whose task does not come back. */
  get abandoned(): ClaimedRun[] {
    return [...this.all].flatMap(({ abandoned, run }) => (abandoned ? [run] : []));
  }

  add(attempt: Attempt): void {
    this.all.add(attempt);
  }

  remove(attempt: Attempt): void {
    this.all.delete(attempt);
  }

  /** Aborts the signals of those whose run is meant; of all, unless told. */
  abort(why: InterruptedError | CancelledError, meant: (run: ClaimedRun) => boolean = () => true): void {
    for (const { run, stop } of this.all) if (meant(run)) stop.abort(why);
  }

  /** Waits until the end of each is written, at the latest for so long. */
  async drained(graceMs: number): Promise<void> {
    const written = Promise.all([...this.all].map(({ done }) => done));
    const enough = new AbortController();
    await Promise.race([written, pause(graceMs, undefined, { signal: enough.signal }).catch(() => {})]);
    enough.abort();
  }
}
