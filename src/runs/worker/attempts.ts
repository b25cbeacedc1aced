import { setTimeout as pause } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { ClaimedRun } from '../lifecycle/claim-runs.js';
import type { CancelledError, InterruptedError } from '../lifecycle/run-errors.js';

export interface Attempt {
  run: ClaimedRun;
  stop: AbortController;
  /** Whether the task has returned. Until then the attempt holds a slot. */
  returned: boolean;
  /** Whether the run has reached its end although the task has not returned. */
  abandoned: boolean;
  /** Resolves when the end is written. */
  done: Promise<void>;
}

/** The attempts of this process: each holds a slot until its task has returned, and stays here until its end is written too. */
@Injectable()
export class Attempts {
  private readonly all = new Set<Attempt>();
  private slots = 0;

  get runs(): ClaimedRun[] {
    return [...this.all].map(({ run }) => run);
  }

  /** The runs that hold a slot. */
  get holding(): ClaimedRun[] {
    return [...this.all].flatMap(({ returned, run }) => (returned ? [] : [run]));
  }

  /** How many slots are held. */
  get slotsHeld(): number {
    return this.slots;
  }

  /** How many tasks have returned whose end is not written yet. */
  get unwritten(): number {
    return this.all.size - this.slots;
  }

  /** The runs that have reached their end and whose task does not return. */
  get abandoned(): ClaimedRun[] {
    return [...this.all].flatMap(({ abandoned, run }) => (abandoned ? [run] : []));
  }

  add(attempt: Attempt): void {
    this.all.add(attempt);
    this.slots += 1;
  }

  /** The task has returned: its slot is free. */
  freeSlot(attempt: Attempt): void {
    attempt.returned = true;
    this.slots -= 1;
  }

  /** The slot is free and the end is written. */
  remove(attempt: Attempt): void {
    this.all.delete(attempt);
  }

  /** Aborts the signals of the attempts whose run matches; of all, by default. */
  abort(why: InterruptedError | CancelledError, matches: (run: ClaimedRun) => boolean = () => true): void {
    for (const { run, stop } of this.all) if (matches(run)) stop.abort(why);
  }

  /** Resolves when the end of each present attempt is written, and after `graceMs` in any case. */
  async drained(graceMs: number): Promise<void> {
    await atMost(graceMs, Promise.all([...this.all].map(({ done }) => done)));
  }
}

/** Waits for `work`, but no longer than `ms`. */
export async function atMost(ms: number, work: Promise<unknown>): Promise<void> {
  const over = new AbortController();
  await Promise.race([work, pause(ms, undefined, { signal: over.signal }).catch(() => {})]);
  over.abort();
}
