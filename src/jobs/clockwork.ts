import { Inject, Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
import { Loop } from '../core/loop.js';
import { Replicas } from '../queue/replicas.js';
import { RunQueue } from '../queue/run-queue.js';
import { Recovery } from '../runs/recovery.js';
import { RunLogs } from '../runs/run-logs.js';
import { Worker } from '../runs/worker.js';
import { CodeJobs } from './code-jobs.js';
import { DeclaredJobs } from './declared-jobs.js';
import { DispatchLoop } from './dispatch-loop.js';
import { JobDeclaredTwiceError } from './job-errors.js';
import type { JobDefinition } from './job.schema.js';
import { JobsFile } from './jobs-file.js';

interface Declarations {
  code: Map<string, JobDefinition>;
  /** Null: there is no jobs file, which is not the same as an empty one. */
  file: Map<string, JobDefinition> | null;
}

/** Starts and stops everything that ticks, in the one right order. */
@Injectable()
export class Clockwork {
  /** True from the end of the start to the beginning of the stop. */
  running = false;
  private declarations: Declarations = { code: new Map(), file: null };
  /** The replica's number at the time. */
  private declaredAs = 0;
  private readonly sweeper = new Loop({
    everyMs: 10_000,
    turn: () => this.sweep(),
    failed: (error) => this.logger.warn({ err: error }, 'jobs not swept'),
  });

  constructor(
    @Inject(ENVIRONMENT) private readonly environment: Environment,
    private readonly codeJobs: CodeJobs,
    private readonly jobsFile: JobsFile,
    private readonly declaredJobs: DeclaredJobs,
    private readonly replicas: Replicas,
    private readonly queue: RunQueue,
    private readonly worker: Worker,
    private readonly logs: RunLogs,
    private readonly recovery: Recovery,
    private readonly dispatch: DispatchLoop,
    private readonly logger: PinoLogger,
  ) {}

  /** Reads what this process declares, so that a fault ends the start before anything listens. Only a scheduler declares. */
  async read(): Promise<Declarations> {
    const { JOBS_FILE, ROLES } = this.environment;
    if (!ROLES.includes('scheduler')) return { code: new Map(), file: null };
    const code = await this.codeJobs.read();
    const file = JOBS_FILE === undefined ? null : await this.jobsFile.read(JOBS_FILE);
    const twin = file && [...file.keys()].find((name) => code.has(name));
    if (twin) throw new JobDeclaredTwiceError(twin);
    return { code, file };
  }

  /** Presence first, in every role, since a run belongs to a replica; what makes runs last. Whoever makes or starts runs
   *  takes over those of the dead, so that neither schedulers nor workers need the other for it. */
  async start(declarations: Declarations): Promise<void> {
    const { ROLES } = this.environment;
    const [schedules, works] = [ROLES.includes('scheduler'), ROLES.includes('worker')];
    this.declarations = declarations;
    this.replicas.rejoined = () => this.sweeper.wake();
    await this.queue.start();
    await this.replicas.join();
    if (schedules) await this.declare();
    if (works) {
      this.logs.start();
      this.worker.start();
    }
    if (schedules || works) this.recovery.start();
    if (schedules) {
      this.sweeper.start();
      this.dispatch.start();
    }
    this.running = true;
  }

  private async declare(again = false): Promise<void> {
    const { number } = this.replicas;
    await this.declaredJobs.declare('code', this.declarations.code, again);
    if (this.declarations.file) await this.declaredJobs.declare('file', this.declarations.file, again);
    // Last, so that a try that fails is followed by another.
    this.declaredAs = number;
  }

  /** A replica that was taken for dead has to say again what it declares, before somebody sweeps. */
  private async sweep(): Promise<void> {
    if (this.declaredAs !== this.replicas.number) await this.declare(true);
    await this.declaredJobs.sweep();
  }

  /** Names the loops that hang in a turn. */
  stuckLoops(): string[] {
    const loops = { dispatch: this.dispatch.loop, worker: this.worker.loop };
    return Object.entries(loops)
      .filter(([, loop]) => loop.isStuck())
      .map(([name]) => name);
  }

  /** No new claims, then the drain; presence ends last, since until then the runs are this replica's. */
  async stop(): Promise<void> {
    this.running = false;
    await Promise.all([this.dispatch.stop(), this.sweeper.stop(), this.recovery.stop()]);
    await this.worker.stop(this.environment.SHUTDOWN_GRACE_SECONDS);
    await this.logs.stop();
    await this.replicas.leave().catch((error: unknown) => this.logger.warn({ err: error }, 'replica not signed off'));
    await this.queue.stop();
  }
}
