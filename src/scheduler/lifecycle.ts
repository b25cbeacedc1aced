import { Inject, Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
import type { ProcessRole } from '../config/process-roles.js';
import type { Loop } from '../core/loop.js';
import { Replicas } from '../replicas/replicas.js';
import { Recovery } from '../runs/recovery/recovery.js';
import { RunLogs } from '../runs/worker/run-logs.js';
import { Settler } from '../runs/worker/settler.js';
import { Worker } from '../runs/worker/worker.js';
import { Declarations } from '../jobs/declared/declarations.js';
import { DispatchLoop } from '../jobs/dispatch/dispatch-loop.js';

/** Starts and stops everything that ticks, in the one right order. */
@Injectable()
export class SchedulerLifecycle {
  /** True from the end of the start to the beginning of the stop. */
  running = false;

  constructor(
    @Inject(ENVIRONMENT) private readonly environment: Environment,
    private readonly declarations: Declarations,
    private readonly replicas: Replicas,
    private readonly worker: Worker,
    private readonly settler: Settler,
    private readonly logs: RunLogs,
    private readonly recovery: Recovery,
    private readonly dispatch: DispatchLoop,
    private readonly logger: PinoLogger,
  ) {}

  /** Reads what this process declares, so that a fault ends the start before anything listens. Only a scheduler declares. */
  async read(): Promise<void> {
    if (this.has('scheduler')) await this.declarations.read();
  }

  /** Presence first, in every role, since a run belongs to a replica; what makes runs last. Whoever makes or starts runs
   *  takes over those of the dead, so that neither schedulers nor workers need the other for it. */
  async start(): Promise<void> {
    await this.replicas.join();
    if (this.has('scheduler')) await this.declarations.declare();
    if (this.has('worker')) {
      this.logs.startFlushing();
      this.worker.startClaiming();
    }
    if (this.has('scheduler') || this.has('worker')) this.recovery.startWatching();
    if (this.has('scheduler')) {
      this.declarations.startDeclaring();
      this.dispatch.startDispatching();
    }
    this.running = true;
  }

  private has(role: ProcessRole): boolean {
    return this.environment.ROLES.includes(role);
  }

  /** All that may tick, by the name that metrics tell. */
  get loops() {
    return {
      heartbeat: this.replicas.heart,
      dispatch: this.dispatch.loop,
      declarations: this.declarations.loop,
      jobs_file: this.declarations.watch.loop,
      worker: this.worker.loop,
      settler: this.settler.loop,
      cancellations: this.worker.cancellations.loop,
      run_logs: this.logs.loop,
      peers: this.recovery.watch,
      reconciler: this.recovery.reconciler,
    } satisfies Record<string, Loop>;
  }

  /** Names the main loops that hang in a turn. */
  stuckLoops(): string[] {
    const loops = { dispatch: this.dispatch.loop, worker: this.worker.loop };
    return Object.entries(loops)
      .filter(([, loop]) => loop.isStuck())
      .map(([name]) => name);
  }

  /** No new claims, then the drain; presence ends last, since until then the runs are this replica's. */
  async stop(): Promise<void> {
    this.running = false;
    await Promise.all([this.dispatch.stop(), this.declarations.stop(), this.recovery.stop()]);
    await this.worker.stop(this.environment.SHUTDOWN_GRACE_SECONDS);
    await this.logs.stop();
    await this.replicas.leave().catch((error: unknown) => this.logger.warn({ err: error }, 'replica not signed off'));
  }
}
