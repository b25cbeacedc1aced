import { Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { Loop } from '../../core/loop.js';
import { Problem } from '../../core/problem.js';
import { Replicas } from '../../replicas/replicas.js';
import { JobDeclaredTwiceError } from '../definition/job-errors.js';
import type { JobDefinition } from '../definition/job.schema.js';
import { JobsFileMetrics } from '../file/jobs-file-metrics.js';
import { JobsFileWatch, type ReadJobsFile } from '../file/jobs-file-watch.js';
import { CodeJobs } from './code-jobs.js';
import { DeclaredJobs } from './sync-declared-jobs.js';

/** The jobs that this process declares, in code and in its jobs file. They are declared at the start, when the jobs file changes, and
 *  again after other replicas have declared this one dead. */
@Injectable()
export class Declarations {
  private code = new Map<string, JobDefinition>();
  /** The jobs file that was last declared. Null: there is no jobs file. That is not the same as an empty one. */
  private file: ReadJobsFile | null = null;
  /** A changed jobs file that is not declared yet; null: none. */
  private changedFile: ReadJobsFile | null = null;
  /** Why the changed file could not be declared, so that the same error is logged only once. */
  private refusal = '';
  /** The number that this replica had when it last declared. */
  private declaredAs = 0;
  readonly loop = new Loop({
    everyMs: 10_000,
    turn: () => this.reconcile(),
    failed: (error) => this.logger.warn({ err: error }, 'declared jobs not reconciled'),
  });

  constructor(
    private readonly codeJobs: CodeJobs,
    readonly watch: JobsFileWatch,
    private readonly declaredJobs: DeclaredJobs,
    private readonly replicas: Replicas,
    private readonly metrics: JobsFileMetrics,
    private readonly logger: PinoLogger,
  ) {}

  /** Reads code and jobs file, and writes nothing. Throws CODE_JOB_INVALID, JOBS_FILE_INVALID, JOBS_FILE_UNREADABLE,
   *  JOB_DECLARED_TWICE. */
  async read(): Promise<void> {
    this.code = await this.codeJobs.read();
    this.file = await this.watch.read();
    if (this.file) this.refuseDuplicates(this.file.jobs);
  }

  /** Writes what was read to the table. If replicas declare different jobs under one name, the last declaration wins. */
  async declare(): Promise<void> {
    const { number } = this.replicas;
    await this.declaredJobs.declare('code', this.code);
    if (this.file) {
      await this.declaredJobs.declare('file', this.file.jobs);
      this.metrics.accepted(this.file.hash);
    }
    // Last: after an error the loop declares again.
    this.declaredAs = number;
  }

  startDeclaring(): void {
    this.replicas.onRejoined(() => this.loop.wake());
    this.loop.start();
    this.watch.start((file) => {
      this.changedFile = file;
      this.loop.wake();
    });
  }

  /** Reads and declares the jobs file now, even if it is unchanged. */
  reload(): void {
    this.watch.readNow();
  }

  async stop(): Promise<void> {
    await this.watch.stop();
    await this.loop.stop();
  }

  /** Declares what is not declared yet, then deletes the jobs that no live replica declares any more. */
  async reconcile(): Promise<void> {
    if (this.declaredAs !== this.replicas.number) await this.redeclare();
    if (this.changedFile) await this.declareChanged(this.changedFile);
    await this.declaredJobs.sweep();
  }

  /** A replica that was declared dead has lost its declarations. This restores them before the next sweep. It overwrites no job,
   *  because replicas of a newer build may have declared other definitions since. */
  private async redeclare(): Promise<void> {
    const { number } = this.replicas;
    await this.declaredJobs.restore('code', this.code);
    if (this.file) await this.declaredJobs.restore('file', this.file.jobs);
    this.declaredAs = number;
  }

  private async declareChanged(file: ReadJobsFile): Promise<void> {
    try {
      this.refuseDuplicates(file.jobs);
      await this.declaredJobs.declare('file', file.jobs);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      // Tried again at each turn, since the job that is in its way may be deleted.
      if (error.message !== this.refusal) {
        this.metrics.rejected();
        this.logger.error({ code: error.code }, `jobs file refused, the jobs stay as they were: ${error.message}`);
      }
      this.refusal = error.message;
      return;
    }
    this.file = file;
    this.refusal = '';
    this.metrics.accepted(file.hash);
    // The file may have changed again meanwhile.
    if (this.changedFile === file) this.changedFile = null;
  }

  private refuseDuplicates(file: Map<string, JobDefinition>): void {
    const duplicates = [...file.keys()].filter((name) => this.code.has(name));
    if (duplicates.length > 0) throw new JobDeclaredTwiceError(duplicates);
  }
}
