import { Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { Loop } from '../../core/loop.js';
import { Problem } from '../../core/problem.js';
import { Replicas } from '../../replicas/replicas.js';
import { CodeJobs } from './code-jobs.js';
import { DeclaredJobs } from './sync-declared-jobs.js';
import { JobDeclaredTwiceError } from '../definition/job-errors.js';
import type { JobDefinition } from '../definition/job.schema.js';
import { JobsFileMetrics } from '../file/jobs-file-metrics.js';
import { JobsFileWatch, type ReadJobsFile } from '../file/jobs-file-watch.js';

type Jobs = Map<string, JobDefinition>;

/** What this process declares in code and in its jobs file, for as long as it lives. */
@Injectable()
export class Declarations {
  private code: Jobs = new Map();
  /** Null: there is no jobs file, which is not the same as an empty one. */
  private file: ReadJobsFile | null = null;
  /** What the jobs file says by now; null once it is declared. */
  private changed: ReadJobsFile | null = null;
  /** Why that could not be declared, so that it is told once. */
  private refusal = '';
  /** The replica's number at the time. */
  private declaredAs = 0;
  readonly loop = new Loop({
    everyMs: 10_000,
    turn: () => this.keep(),
    failed: (error) => this.logger.warn({ err: error }, 'jobs not swept'),
  });

  constructor(
    private readonly codeJobs: CodeJobs,
    readonly watch: JobsFileWatch,
    private readonly declaredJobs: DeclaredJobs,
    private readonly replicas: Replicas,
    private readonly metrics: JobsFileMetrics,
    private readonly logger: PinoLogger,
  ) {}

  /** Throws what is wrong with them. */
  async read(): Promise<void> {
    this.code = await this.codeJobs.read();
    this.file = await this.watch.read();
    if (this.file) this.refuseTwins(this.file.jobs);
  }

  /** Of replicas that declare different things under one name, the one that started last is right. */
  async declare(): Promise<void> {
    const { number } = this.replicas;
    await this.declaredJobs.declare('code', this.code);
    if (this.file) {
      await this.declaredJobs.declare('file', this.file.jobs);
      this.metrics.taken(this.file.hash);
    }
    // Last, so that a try that fails is followed by another.
    this.declaredAs = number;
  }

  startDeclaring(): void {
    this.replicas.onRejoined(() => this.loop.wake());
    this.loop.start();
    this.watch.start((file) => {
      this.changed = file;
      this.loop.wake();
    });
  }

  /** Reads the jobs file now and declares it, also where it is the same. */
  reload(): void {
    this.watch.hurry();
  }

  async stop(): Promise<void> {
    await this.watch.stop();
    await this.loop.stop();
  }

  /** Declares what is to be declared by now, and deletes what nobody declares any more. */
  async keep(): Promise<void> {
    if (this.declaredAs !== this.replicas.number) await this.declareAgain();
    if (this.changed) await this.takeUp(this.changed);
    await this.declaredJobs.sweep();
  }

  /** A replica that was taken for dead has to say again what it declares, before somebody sweeps. Others may know better by now. */
  private async declareAgain(): Promise<void> {
    const { number } = this.replicas;
    await this.declaredJobs.restore('code', this.code);
    if (this.file) await this.declaredJobs.restore('file', this.file.jobs);
    this.declaredAs = number;
  }

  private async takeUp(file: ReadJobsFile): Promise<void> {
    try {
      this.refuseTwins(file.jobs);
      await this.declaredJobs.declare('file', file.jobs);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      // Asked again at each turn, since what stands in its way may go.
      if (error.message !== this.refusal) {
        this.metrics.rejected();
        this.logger.error({ code: error.code }, `jobs file refused, what it said before stays: ${error.message}`);
      }
      this.refusal = error.message;
      return;
    }
    this.file = file;
    this.refusal = '';
    this.metrics.taken(file.hash);
    if (this.changed === file) this.changed = null;
  }

  private refuseTwins(file: Jobs): void {
    const twins = [...file.keys()].filter((name) => this.code.has(name));
    if (twins.length > 0) throw new JobDeclaredTwiceError(twins);
  }
}
