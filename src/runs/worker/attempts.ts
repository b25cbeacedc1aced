import { setTimeout as pause } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { ClaimedRun } from '../lifecycle/claim-runs.js';
import type { CancelledError, InterruptedError } from '../lifecycle/run-errors.js';

export interface Attempt {
  run: ClaimedRun;
  stop: AbortController;
  /** True when the task has returned. Until then the attempt holds a slot. */
  returned: boolean;
  /** True when the result is written although the task has not returned, because it ignores its abort signal. */
  abandoned: boolean;
  /** Resolves when the result is written. */
  done: Promise<void>;
}

/** The attempts of this process. Each holds a slot until its task has returned, and stays here until its result is
 *  written as well. */
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

  /** How many attempts have returned whose result is not written yet. */
  get unwritten(): number {
    return this.all.size - this.slots;
  }

  /** The runs whose result is written and whose task has not returned. */
  get abandoned(): ClaimedRun[] {
    return [...this.all].flatMap(({ abandoned, run }) => (abandoned ? [run] : []));
  }

  add(attempt: Attempt): void {
    this.all.add(attempt);
    this.slots += 1;
  }

  /** Call this when the task has returned. */
  freeSlot(attempt: Attempt): void {
    attempt.returned = true;
    this.slots -= 1;
  }

  /** Call this when the slot is free and the result is written. */
  remove(attempt: Attempt): void {
    this.all.delete(attempt);
  }

  /** Aborts the signals of the attempts whose run matches, by default of all attempts. A signal that has aborted keeps
   *  its first reason. */
  abort(why: InterruptedError | CancelledError, matches: (run: ClaimedRun) => boolean = () => true): void {
    for (const { run, stop } of this.all) if (matches(run)) stop.abort(why);
  }

  /** Resolves when the results of all present attempts are written, or after `graceMs`. */
  async drained(graceMs: number): Promise<void> {
    await atMost(graceMs, Promise.all([...this.all].map(({ done }) => done)));
  }
}

/** Waits for `work`, at most `ms` milliseconds. */
export async function atMost(ms: number, work: Promise<unknown>): Promise<void> {
  const over = new AbortController();
  await Promise.race([work, pause(ms, undefined, { signal: over.signal }).catch(() => {})]);
  over.abort();
}
