import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { ENVIRONMENT, type Environment } from '../../config/environment.js';
import { Loop } from '../../core/loop.js';
import { Problem } from '../../core/problem.js';
import type { JobDefinition } from '../definition/job.schema.js';
import { JobsFileMetrics } from './jobs-file-metrics.js';
import { JobsFile } from './jobs-file.js';
import { type JobsText, readJobsTexts } from './read-jobs-texts.js';

export interface ReadJobsFile {
  jobs: Map<string, JobDefinition>;
  /** Of all that it says. */
  hash: string;
}

/** Looks at the jobs file each second, since a change through a symlink, a rename or a network file system tells nobody. */
@Injectable()
export class JobsFileWatch {
  private changed: (file: ReadJobsFile) => void = () => {};
  /** What was there at the last look, and what was last judged. */
  private seen = '';
  private judged = '';
  private hurried = false;
  readonly loop = new Loop({
    everyMs: 1_000,
    turn: () => this.look(),
    failed: (error) => this.logger.error({ err: error }, 'jobs file not looked at'),
  });

  constructor(
    @Inject(ENVIRONMENT) private readonly environment: Environment,
    private readonly jobsFile: JobsFile,
    private readonly metrics: JobsFileMetrics,
    private readonly logger: PinoLogger,
  ) {}

  /** Null where there is no jobs file. Throws what is wrong with it. */
  async read(): Promise<ReadJobsFile | null> {
    const { JOBS_FILE } = this.environment;
    if (JOBS_FILE === undefined) return null;
    const texts = await readJobsTexts(JOBS_FILE);
    this.seen = this.judged = fingerprint(texts);
    return { jobs: await this.jobsFile.check(JOBS_FILE, texts), hash: this.seen };
  }

  /** Calls `changed` with all jobs whenever the file has changed and is right; its faults are logged. */
  start(changed: (file: ReadJobsFile) => void): void {
    this.changed = changed;
    if (this.environment.JOBS_FILE !== undefined) this.loop.start();
  }

  /** Reads the file now, also where it is the same. */
  hurry(): void {
    this.hurried = true;
    this.loop.wake();
  }

  async stop(): Promise<void> {
    await this.loop.stop();
  }

  private async look(): Promise<void> {
    const path = this.environment.JOBS_FILE!;
    const { hurried, seen } = this;
    this.hurried = false;
    const found = await readJobsTexts(path).catch((problem: Problem) => problem);
    this.seen = found instanceof Problem ? found.message : fingerprint(found);
    // What is not yet the same at two looks may be half written.
    if (!hurried && (this.seen === this.judged || this.seen !== seen)) return;
    try {
      if (found instanceof Problem) throw found;
      this.changed({ jobs: await this.jobsFile.check(path, found), hash: this.seen });
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.metrics.rejected();
      this.logger.error({ code: error.code }, `jobs file refused, what it said before stays: ${error.message}`);
    }
    this.judged = this.seen;
  }
}

const fingerprint = (texts: JobsText[]): string =>
  createHash('sha256').update(JSON.stringify(texts)).digest('hex').slice(0, 12);
