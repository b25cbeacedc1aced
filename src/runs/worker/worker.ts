import { Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { Loop } from '../../core/loop.js';
import { SchedulerDatabase } from '../../database/scheduler-database.js';
import { DirectSession } from '../../replicas/direct-session.js';
import { Replicas } from '../../replicas/replicas.js';
import { RunQueue } from '../lifecycle/run-queue.js';
import { Attempts } from './attempts.js';
import { Cancellations } from './cancellations.js';
import { claimRuns } from '../lifecycle/claim-runs.js';
import { Executor } from './executor.js';
import { Slots } from './slots.js';
import { RunMetrics } from './run-metrics.js';
import { DatabaseSilentError, ShutdownError, TakenOverError } from '../lifecycle/run-errors.js';
import { Settler } from './settler.js';

const LOOK_MS = 2_000;
const LONGEST_HANDING_BACK_MS = 20_000;

/** Claims as many runs as there are free slots, when it is told that there may be some, and looks for itself every 2 s. */
@Injectable()
export class Worker {
  readonly loop = new Loop({
    everyMs: LOOK_MS,
    turn: (woken) => this.claim(woken),
    failed: (error) => this.logger.error({ err: error }, 'claim failed'),
  });

  constructor(
    private readonly database: SchedulerDatabase,
    private readonly queue: RunQueue,
    private readonly replicas: Replicas,
    private readonly slots: Slots,
    private readonly executor: Executor,
    private readonly settler: Settler,
    private readonly attempts: Attempts,
    readonly cancellations: Cancellations,
    private readonly metrics: RunMetrics,
    private readonly logger: PinoLogger,
    session: DirectSession,
  ) {
    session.on('runs', () => this.loop.wake());
    // What came in while there was room has been claimed.
    executor.freed = () => this.slots.full && this.loop.wake();
    executor.again = (ms) => this.wakeIn(ms);
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
    if (!woken && !(await this.hasWork())) {
      this.slots.full = false;
      return false;
    }
    const free = this.slots.free();
    if (free.slots <= 0) {
      this.slots.full = true;
      return false;
    }
    const { number, name } = this.replicas;
    const claim = await this.slots.whileClaiming(free.slots, async () => {
      const began = performance.now();
      const claimed = await this.database.transaction((tx) => claimRuns(tx, this.queue, free, { number, name }));
      this.metrics.claimed(performance.now() - began);
      for (const run of claimed.runs) this.executor.begin(run);
      return claimed;
    });
    this.metrics.count(claim.ended);
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
}
