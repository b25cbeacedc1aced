import { setTimeout as pause } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { Loop } from '../core/loop.js';
import type { Problem } from '../core/problem.js';
import { rows } from '../database/transaction.js';
import { SchedulerDatabase } from '../database/scheduler-database.js';
import { DirectSession } from '../queue/direct-session.js';
import { Replicas } from '../queue/replicas.js';
import { RunQueue } from '../queue/run-queue.js';
import type { AttemptResult } from './attempt-result.js';
import { type ClaimedRun, claimRuns } from './claim-runs.js';
import { Slots } from './slots.js';
import { outcomeOf } from './outcome.js';
import { RunMetrics } from './run-metrics.js';
import {
  CancelledError,
  DatabaseSilentError,
  InterruptedError,
  ShutdownError,
  SlotsAbandonedError,
  TakenOverError,
} from './run-errors.js';
import { Settler } from './settler.js';
import { TaskRunner } from './task-runner.js';

const LONGEST_HANDING_BACK_MS = 20_000;

interface Attempt {
  run: ClaimedRun;
  stop: AbortController;
  /** The run has its end, and the task has not come back. */
  abandoned: boolean;
  done: Promise<void>;
}

/** Claims as many runs as there are free slots, runs each on its own, and hands their ends to the settler. */
@Injectable()
export class Worker {
  /** A slot each; kept until the task has come back and its end is written. */
  private readonly attempts = new Set<Attempt>();
  readonly loop = new Loop({
    everyMs: 1_000,
    turn: () => this.claim(),
    failed: (error) => this.logger.error({ err: error }, 'claim failed'),
  });

  readonly cancellations = new Loop({
    everyMs: 1_000,
    turn: () => this.heedCancellations(),
    failed: (error) => this.logger.error({ err: error }, 'cancellations not looked for'),
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
    private readonly metrics: RunMetrics,
    private readonly logger: PinoLogger,
    session: DirectSession,
  ) {
    session.on('runs', () => this.loop.wake());
    session.on('cancel', () => this.cancellations.wake());
    replicas.silenced = () => this.interrupt(new DatabaseSilentError());
  }

  /** The runs that this process executes now. */
  get active(): string[] {
    return [...this.attempts].map(({ run }) => run.id);
  }

  /** Those of them that have their end, and whose task does not come back. */
  get abandoned(): ClaimedRun[] {
    return [...this.attempts].flatMap(({ abandoned, run }) => (abandoned ? [run] : []));
  }

  start(): void {
    this.settler.start();
    this.loop.start();
    this.cancellations.start();
  }

  /** Claims nothing more; what runs gets `graceSeconds`, then its signal aborts and the job's `onInterruption` decides. */
  async stop(graceSeconds: number): Promise<void> {
    await this.loop.stop();
    const drained = Promise.all([...this.attempts].map(({ done }) => done));
    await withinGrace(drained, graceSeconds * 1000);
    this.interrupt(new ShutdownError());
    // What is still not written then, as without a database, is for others to take over.
    await withinGrace(drained, LONGEST_HANDING_BACK_MS);
    await this.cancellations.stop();
    await this.settler.stop();
  }

  private async claim(): Promise<boolean> {
    this.abandonLostOnes();
    const free = this.slots.free([...this.attempts].map(({ run }) => run));
    if (free.slots <= 0) return false;
    const { number, name } = this.replicas;
    const began = performance.now();
    const claim = await this.database.transaction((tx) => claimRuns(tx, this.queue, free, { number, name }));
    this.metrics.claimed(performance.now() - began);
    this.metrics.count(claim.ended);
    for (const run of claim.runs) this.begin(run);
    this.slots.passOver(claim.unknownTasks);
    if (claim.unknownTasks.length > 0)
      this.logger.warn({ tasks: claim.unknownTasks }, 'runs left for a worker that knows their task');
    return claim.fetched > 0;
  }

  private begin(run: ClaimedRun): void {
    this.logger.debug({ runId: run.id, job: run.job, attempt: run.attempt, latenessMs: run.latenessMs }, 'run started');
    const stop = new AbortController();
    this.metrics.started(run);
    const { result, ended } = this.runner.start(run, stop);
    const attempt: Attempt = { run, stop, abandoned: false, done: this.settle(run, result, stop.signal) };
    this.attempts.add(attempt);
    void this.freeSlot(attempt, ended);
  }

  private async settle(run: ClaimedRun, result: Promise<AttemptResult>, signal: AbortSignal): Promise<void> {
    const began = performance.now();
    const end = await result;
    this.metrics.attempted(run.task, performance.now() - began);
    if (end.state === 'committed') return;
    const interruption = signal.reason instanceof InterruptedError ? signal.reason.reason : null;
    await this.settler.settle(outcomeOf(run, end, interruption, Math.random()));
  }

  private async freeSlot(attempt: Attempt, ended: Promise<unknown>): Promise<void> {
    let isBack = false;
    const back = ended.then(() => (isBack = true));
    await attempt.done;
    if (!isBack) this.abandon(attempt);
    await back;
    if (attempt.abandoned) {
      this.metrics.resultRefused();
      this.logger.warn(named(attempt), 'task came back after its run had ended; result refused');
    }
    this.attempts.delete(attempt);
    this.loop.wake();
  }

  private abandon(attempt: Attempt): void {
    attempt.abandoned = true;
    this.logger.error(named(attempt), 'task does not heed its signal and keeps its slot');
    const left = this.abandoned;
    if (this.slots.areHalf(left)) this.exhausted(new SlotsAbandonedError(left));
  }

  /** Aborts the attempts of this process whose runs somebody has cancelled, wherever that was. */
  private async heedCancellations(): Promise<void> {
    if (this.attempts.size === 0) return;
    const cancelled = await this.database.transaction((tx) =>
      rows<{ id: string }>(tx, 'SELECT id FROM runs WHERE id = ANY($1) AND cancel_requested_at IS NOT NULL', [
        this.active,
      ]),
    );
    const ids = new Set(cancelled.map(({ id }) => id));
    for (const { run, stop } of this.attempts) if (ids.has(run.id)) stop.abort(new CancelledError());
  }

  /** Others took this process for dead, and its runs over. */
  private abandonLostOnes(): void {
    for (const { run, stop } of this.attempts)
      if (run.replicaNumber !== this.replicas.number) stop.abort(new TakenOverError());
  }

  private interrupt(why: InterruptedError): void {
    for (const { stop } of this.attempts) stop.abort(why);
  }
}

const named = ({ run }: Attempt) => ({ runId: run.id, job: run.job, task: run.task, attempt: run.attempt });

async function withinGrace(drained: Promise<unknown>, graceMs: number): Promise<void> {
  const enough = new AbortController();
  await Promise.race([drained, pause(graceMs, undefined, { signal: enough.signal }).catch(() => {})]);
  enough.abort();
}
