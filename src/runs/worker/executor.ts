import { EventEmitter } from 'node:events';
import { Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import type { CodedError } from '../../core/coded-error.js';
import { Replicas } from '../../replicas/replicas.js';
import type { ClaimedRun } from '../lifecycle/claim-runs.js';
import { type AttemptResult, givenBack, outcomeOf } from '../lifecycle/outcome.js';
import { InterruptedError, SlotsAbandonedError } from '../lifecycle/run-errors.js';
import { type Attempt, Attempts } from './attempts.js';
import { ClaimedAhead } from './claimed-ahead.js';
import { RunMetrics } from './run-metrics.js';
import { Settler } from './settler.js';
import { Slots } from './slots.js';
import { StartMarks } from './start-marks.js';
import { StartedRuns } from './started-runs.js';
import { TaskRunner } from './task-runner.js';

/** How often runs that were claimed ahead are checked for having waited too long. */
const EXPIRY_CHECK_MS = 50;

/**
 * Executes the runs that this process has claimed.
 *
 * An attempt goes through three events. They need not come in this order:
 * - Its result is known: the task returned, threw, or ignored its abort signal for 10 s. The settler writes it.
 * - The result is written. From now on the run may be started again elsewhere.
 * - The task has returned. Only now is the slot free, since a task that ignores its signal still uses memory and
 *   connections.
 */
@Injectable()
export class Executor {
  private readonly events = new EventEmitter<{ retry: [number]; exhausted: [CodedError] }>();
  private expiry: NodeJS.Timeout | undefined;

  constructor(
    private readonly runner: TaskRunner,
    private readonly settler: Settler,
    private readonly attempts: Attempts,
    private readonly ahead: ClaimedAhead,
    private readonly marks: StartMarks,
    private readonly started: StartedRuns,
    private readonly slots: Slots,
    private readonly replicas: Replicas,
    private readonly metrics: RunMetrics,
    private readonly logger: PinoLogger,
  ) {
    slots.onChanged(() => this.startWaiting());
  }

  /** Calls `listener` with the milliseconds after which a run that this process executed is ready for its next attempt. */
  onRetry(listener: (ms: number) => void): void {
    this.events.on('retry', listener);
  }

  /** Calls `listener` when tasks that ignore their abort signal hold half of the slots. Only a new process can free
   *  these slots. */
  onExhausted(listener: (why: CodedError) => void): void {
    this.events.on('exhausted', listener);
  }

  /** Starts claimed runs now, and runs that were claimed ahead as soon as a slot is free. Returns them to the queue if
   *  the response to the claim came so late that others take them over: this process has been silent, or has another number. */
  accept(runs: ClaimedRun[]): void {
    const { silent, number } = this.replicas;
    if (silent || runs.some(({ replicaNumber }) => replicaNumber !== number)) return void this.giveBack(runs);
    for (const run of runs)
      if (run.claimedAhead) this.ahead.add(run);
      else this.startAttempt(run);
    this.startWaiting();
  }

  /** Returns the runs that were claimed ahead to the queue. Resolves when that is written. */
  async giveBackAll(): Promise<void> {
    await this.giveBack(this.ahead.takeAll());
  }

  private startWaiting(): void {
    while (this.ahead.any && this.slots.free() > 0) {
      const run = this.ahead.next();
      if (!run) {
        void this.giveBack(this.ahead.takeExpired());
        break;
      }
      this.startAttempt(run);
      this.marks.writeSoon();
    }
    this.watchExpiry();
  }

  /** Returns runs to the queue that were claimed ahead and have waited too long for a slot. */
  private watchExpiry(): void {
    if (!this.ahead.any || this.expiry) return;
    const due = performance.now() + EXPIRY_CHECK_MS;
    this.expiry = setTimeout(() => {
      this.expiry = undefined;
      // A late timer means that the process itself stood still, so tasks could not end.
      if (performance.now() - due < EXPIRY_CHECK_MS) void this.giveBack(this.ahead.takeExpired());
      this.watchExpiry();
    }, EXPIRY_CHECK_MS);
  }

  private async giveBack(runs: ClaimedRun[]): Promise<void> {
    if (runs.length === 0) return;
    this.logger.debug({ runs: runs.length }, 'runs returned to the queue before they started');
    await Promise.all(runs.map((run) => this.settler.settle(givenBack(run))));
  }

  private startAttempt(run: ClaimedRun): void {
    this.logger.debug({ runId: run.id, job: run.job, attempt: run.attempt, latenessMs: run.latenessMs }, 'run started');
    const stop = new AbortController();
    this.metrics.started(run);
    this.started.add(run);
    const { result, ended } = this.runner.startAttempt(run, stop);
    const done = this.settle(run, result, stop.signal);
    const attempt: Attempt = { run, stop, returned: false, abandoned: false, done };
    this.attempts.add(attempt);
    void this.follow(attempt, ended);
  }

  private async settle(run: ClaimedRun, result: Promise<AttemptResult>, signal: AbortSignal): Promise<void> {
    const began = performance.now();
    const end = await result;
    this.metrics.attempted(run.task, performance.now() - began);
    // The transaction of a transactional task has already written `succeeded`.
    if (end.state === 'committed') return;
    const interruption = signal.reason instanceof InterruptedError ? signal.reason.reason : null;
    const outcome = outcomeOf(run, end, interruption, Math.random());
    await this.settler.settle(outcome);
    if (outcome.delayMs !== null) this.events.emit('retry', outcome.delayMs);
  }

  private async follow(attempt: Attempt, ended: Promise<unknown>): Promise<void> {
    // The attempt stays in `attempts` until both are true: the task has returned, and its result is written. Until then
    // the reconciler does not mistake its run for one that this process does not execute.
    const slotFree = this.freeSlot(attempt, ended);
    await attempt.done;
    this.started.ended(attempt.run);
    if (!attempt.returned) this.abandon(attempt);
    await slotFree;
    if (attempt.abandoned) {
      this.metrics.resultRefused();
      this.logger.warn(named(attempt), 'task returned after its run had ended; result refused');
    }
    this.attempts.remove(attempt);
    this.slots.changed();
  }

  private async freeSlot(attempt: Attempt, ended: Promise<unknown>): Promise<void> {
    await ended;
    this.attempts.freeSlot(attempt);
    this.ahead.slotFreed();
    this.slots.changed();
  }

  private abandon(attempt: Attempt): void {
    attempt.abandoned = true;
    this.logger.error(named(attempt), 'task ignores its abort signal and keeps its slot');
    const left = this.attempts.abandoned;
    if (this.slots.areHalf(left)) this.events.emit('exhausted', new SlotsAbandonedError(left));
  }
}

const named = ({ run }: Attempt) => ({ runId: run.id, job: run.job, task: run.task, attempt: run.attempt });
