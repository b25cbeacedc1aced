import { Inject, Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
import type { ProcessRole } from '../config/process-roles.js';
import { AlertEvaluator } from '../alerts/evaluator.js';
import { OutgoingHeartbeat } from '../alerts/outgoing-heartbeat.js';
import type { Loop } from '../core/loop.js';
import { Replicas } from '../replicas/replicas.js';
import { Recovery } from '../runs/recovery/recovery.js';
import { RunLogs } from '../runs/worker/run-logs.js';
import { Settler } from '../runs/worker/settler.js';
import { Worker } from '../runs/worker/worker.js';
import { Declarations } from '../jobs/declared/declarations.js';
import { DispatchLoop } from '../jobs/dispatch/dispatch-loop.js';

/** Starts and stops the loops of this process in an order that keeps the guarantees (see docs/adr/0005). */
@Injectable()
export class SchedulerLifecycle {
  /** True from the end of `start` to the beginning of `stop`. */
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
    private readonly alerts: AlertEvaluator,
    private readonly heartbeat: OutgoingHeartbeat,
    private readonly logger: PinoLogger,
  ) {}

  /** Reads the jobs that this process declares, so that a faulty declaration ends the start before the HTTP server
   *  listens. Only the role scheduler declares jobs. */
  async read(): Promise<void> {
    if (this.has('scheduler')) await this.declarations.read();
  }

  /**
   * Joins as a replica first, in every role, because a run belongs to a replica and cannot start without one.
   * Dispatching comes last, when the worker is ready for the runs.
   *
   * Both schedulers and workers take over the runs of dead replicas. So neither depends on a replica of the other role.
   */
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
      this.alerts.startEvaluating();
      this.heartbeat.startBeating();
    }
    this.running = true;
  }

  private has(role: ProcessRole): boolean {
    return this.environment.ROLES.includes(role);
  }

  /** All loops, by their names in metrics. Loops of other roles are included and do not run. */
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
      alerts: this.alerts.loop,
    } satisfies Record<string, Loop>;
  }

  /** The names of the main loops that hang in a turn. Empty if none does. */
  stuckLoops(): string[] {
    const loops = { dispatch: this.dispatch.loop, worker: this.worker.loop };
    return Object.entries(loops)
      .filter(([, loop]) => loop.isStuck())
      .map(([name]) => name);
  }

  /** Stops what creates runs, then drains the worker, then writes the last log lines. The replica leaves last: while
   *  attempts run, its row keeps others from taking their runs over. */
  async stop(): Promise<void> {
    this.running = false;
    await Promise.all([
      this.heartbeat.stop(),
      this.dispatch.stop(),
      this.declarations.stop(),
      this.recovery.stop(),
      this.alerts.stop(),
    ]);
    await this.worker.stop(this.environment.SHUTDOWN_GRACE_SECONDS);
    await this.logs.stop();
    await this.replicas
      .leave()
      .catch((error: unknown) => this.logger.warn({ err: error }, 'row of this replica not deleted'));
  }
}
