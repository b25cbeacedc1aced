import { Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import type { Problem } from '../../core/problem.js';
import type { AttemptResult } from '../lifecycle/attempt-result.js';
import { type Attempt, Attempts } from './attempts.js';
import type { ClaimedRun } from '../lifecycle/claim-runs.js';
import { outcomeOf } from '../lifecycle/outcome.js';
import { InterruptedError, SlotsAbandonedError } from '../lifecycle/run-errors.js';
import { RunMetrics } from './run-metrics.js';
import { Settler } from './settler.js';
import { Slots } from './slots.js';
import { TaskRunner } from './task-runner.js';

/** Executes runs that are this process's own: each in a slot until its task has come back, its end handed to the settler. */
@Injectable()
export class Executor {
  /** Called when a slot is free again. */
  freed: () => void = () => {};
  /** Called when a run is to be started again, in so many milliseconds. */
  again: (ms: number) => void = () => {};
  /** Called when tasks that do not heed their signal hold half of the slots: only a new process can free them. */
  exhausted: (why: Problem) => void = () => {};

  constructor(
    private readonly runner: TaskRunner,
    private readonly settler: Settler,
    private readonly attempts: Attempts,
    private readonly slots: Slots,
    private readonly metrics: RunMetrics,
    private readonly logger: PinoLogger,
  ) {}

  begin(run: ClaimedRun): void {
    this.logger.debug({ runId: run.id, job: run.job, attempt: run.attempt, latenessMs: run.latenessMs }, 'run started');
    const stop = new AbortController();
    this.metrics.started(run);
    const { result, ended } = this.runner.start(run, stop);
    const done = this.settle(run, result, stop.signal);
    const attempt: Attempt = { run, stop, back: false, abandoned: false, done };
    this.attempts.add(attempt);
    void this.freeSlot(attempt, ended);
  }

  private async settle(run: ClaimedRun, result: Promise<AttemptResult>, signal: AbortSignal): Promise<void> {
    const began = performance.now();
    const end = await result;
    this.metrics.attempted(run.task, performance.now() - began);
    if (end.state === 'committed') return;
    const interruption = signal.reason instanceof InterruptedError ? signal.reason.reason : null;
    const outcome = outcomeOf(run, end, interruption, Math.random());
    await this.settler.settle(outcome);
    if (outcome.delayMs !== null) this.again(outcome.delayMs);
  }

  private async freeSlot(attempt: Attempt, ended: Promise<unknown>): Promise<void> {
    const back = this.takeBack(attempt, ended);
    await attempt.done;
    if (!attempt.back) this.abandon(attempt);
    await back;
    if (attempt.abandoned) {
      this.metrics.resultRefused();
      this.logger.warn(named(attempt), 'task came back after its run had ended; result refused');
    }
    this.attempts.remove(attempt);
    this.freed();
  }

  private async takeBack(attempt: Attempt, ended: Promise<unknown>): Promise<void> {
    await ended;
    attempt.back = true;
    this.freed();
  }

  private abandon(attempt: Attempt): void {
    attempt.abandoned = true;
    this.logger.error(named(attempt), 'task does not heed its signal and keeps its slot');
    const left = this.attempts.abandoned;
    if (this.slots.areHalf(left)) this.exhausted(new SlotsAbandonedError(left));
  }
}

const named = ({ run }: Attempt) => ({ runId: run.id, job: run.job, task: run.task, attempt: run.attempt });
