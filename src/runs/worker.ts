import { Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { Loop } from '../core/loop.js';
import type { Problem } from '../core/problem.js';
import { SchedulerDatabase } from '../database/scheduler-database.js';
import { DirectSession } from '../queue/direct-session.js';
import { Replicas } from '../queue/replicas.js';
import { RunQueue } from '../queue/run-queue.js';
import type { AttemptResult } from './attempt-result.js';
import { type Attempt, Attempts } from './attempts.js';
import { Cancellations } from './cancellations.js';
import { type ClaimedRun, claimRuns } from './claim-runs.js';
import { Slots } from './slots.js';
import { outcomeOf } from './outcome.js';
import { RunMetrics } from './run-metrics.js';
import {
  DatabaseSilentError,
  InterruptedError,
  ShutdownError,
  SlotsAbandonedError,
  TakenOverError,
} from './run-errors.js';
import { Settler } from './settler.js';
import { TaskRunner } from './task-runner.js';

const LOOK_MS = 2_000;
const LONGEST_HANDING_BACK_MS = 20_000;

/** Claims as many runs as there are free slots, runs each on its own, and hands their ends to the settler. */
@Injectable()
export class Worker {
  readonly loop = new Loop({
    everyMs: LOOK_MS,
    turn: (woken) => this.claim(woken),
    failed: (error) => this.logger.error({ err: error }, 'claim failed'),
  });

  /** Called when tasks that do not heed their signal hold half of the slots: only a new process can free them. */
  exhausted: (why: Problem) => void = () => {};

  constructor(
    private readonly database: SchedulerDatabase,
    private readonly queue: RunQueue,
    private readonly replicas: Replicas,
    private readonly slots: Slots,
    private readonly runner: TaskRunner,
    private readonly settler: Settler,
    private readonly attempts: Attempts,
    readonly cancellations: Cancellations,
    private readonly metrics: RunMetrics,
    private readonly logger: PinoLogger,
    session: DirectSession,
  ) {
    session.on('runs', () => this.loop.wake());
    replicas.silenced = () => this.attempts.abort(new DatabaseSilentError());
  }

  start(): void {
    this.slots.open = true;
    this.settler.start();
    this.loop.start();
    this.cancellations.loop.start();
  }

  /** Claims nothing more; what runs gets `graceSeconds`, then its signal aborts and the job's `onInterruption` decides. */
  async stop(graceSeconds: number): Promise<void> {
    this.slots.open = false;
    await this.loop.stop();
    await this.attempts.drained(graceSeconds * 1000);
    this.attempts.abort(new ShutdownError());
    // What is still not written then, as without a database, is for others to take over.
    await this.attempts.drained(LONGEST_HANDING_BACK_MS);
    await this.cancellations.loop.stop();
    await this.settler.stop();
  }

  private async claim(woken: boolean): Promise<boolean> {
    // Others took this process for dead, and its runs over.
    this.attempts.abort(new TakenOverError(), ({ replicaNumber }) => replicaNumber !== this.replicas.number);
    if (!woken && !(await this.hasWork())) return false;
    const free = this.slots.free();
    if (free.slots <= 0) {
      this.slots.full = true;
      return false;
    }
    const { number, name } = this.replicas;
    const began = performance.now();
    this.slots.claiming = free.slots;
    const claim = await this.database
      .transaction((tx) => claimRuns(tx, this.queue, free, { number, name }))
      .finally(() => (this.slots.claiming = 0));
    this.metrics.claimed(performance.now() - began);
    this.metrics.count(claim.ended);
    for (const run of claim.runs) this.begin(run);
    this.slots.passOver(claim.unknownTasks);
    if (claim.unknownTasks.length > 0)
      this.logger.warn({ tasks: claim.unknownTasks }, 'runs left for a worker that knows their task');
    const { tickets, limited, background } = claim.fetched;
    this.slots.foundInBackground(background);
    this.slots.full = limited;
    return tickets.length > 0 && (limited || claim.runs.length < tickets.length);
  }

  /** Asked when nobody said so: what was announced while the session was cut, and what is to start at an instant, as retries. */
  private async hasWork(): Promise<boolean> {
    const ms = await this.queue.nextTicketIn();
    if (ms !== null && ms > 0) this.wakeIn(ms);
    return ms === 0;
  }

  /** Later than the next look, that one sees to it. */
  private wakeIn(ms: number): void {
    if (ms < LOOK_MS) setTimeout(() => this.loop.wake(), ms).unref();
  }

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
    if (outcome.delayMs !== null) this.wakeIn(outcome.delayMs);
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
    this.slotFreed();
  }

  private async takeBack(attempt: Attempt, ended: Promise<unknown>): Promise<void> {
    await ended;
    attempt.back = true;
    this.slotFreed();
  }

  /** What came in while there was room has been claimed. */
  slotFreed(): void {
    if (this.slots.full) this.loop.wake();
  }

  private abandon(attempt: Attempt): void {
    attempt.abandoned = true;
    this.logger.error(named(attempt), 'task does not heed its signal and keeps its slot');
    const left = this.attempts.abandoned;
    if (this.slots.areHalf(left)) this.exhausted(new SlotsAbandonedError(left));
  }
}

const named = ({ run }: Attempt) => ({ runId: run.id, job: run.job, task: run.task, attempt: run.attempt });
