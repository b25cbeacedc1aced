import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { ENVIRONMENT, type Environment } from '../../config/environment.js';
import { Loop } from '../../core/loop.js';
import { describePathError, kindFault } from '../../core/path-fault.js';
import { Problem } from '../../core/problem.js';
import { lineNotUtf8, utf8Help } from '../../core/utf8.js';
import type { JobDefinition, WrittenDefinition } from '../definition/job.schema.js';
import { JobsFileMetrics } from './jobs-file-metrics.js';
import { JobsFileError, JobsFileParser, type JobsText } from './jobs-file-parser.js';

export interface ReadJobsFile {
  jobs: Map<string, JobDefinition>;
  /** Of the whole content: 12 hexadecimal digits. */
  hash: string;
}

/** Polls JOBS_FILE each second. File events would miss swapped symlinks, renames and changes on a network file system. */
@Injectable()
export class JobsFileWatch {
  private onChange: (file: ReadJobsFile) => void = () => {};
  /** The fingerprint at the last poll, or the message of the error in reading. */
  private lastSeen = '';
  /** The fingerprint that was last parsed, whether it was valid or not. */
  private lastParsed = '';
  private readRequested = false;
  readonly loop = new Loop({
    everyMs: 1_000,
    turn: () => this.poll(),
    failed: (error) => this.logger.error({ err: error }, 'jobs file not polled'),
  });

  constructor(
    @Inject(ENVIRONMENT) private readonly environment: Environment,
    private readonly parser: JobsFileParser,
    private readonly metrics: JobsFileMetrics,
    private readonly logger: PinoLogger,
  ) {}

  /** Null: JOBS_FILE is not set. Throws JOBS_FILE_UNREADABLE, JOBS_FILE_INVALID. */
  async read(): Promise<ReadJobsFile | null> {
    const { JOBS_FILE } = this.environment;
    if (JOBS_FILE === undefined) return null;
    const texts = await readJobsTexts(JOBS_FILE);
    this.lastSeen = this.lastParsed = fingerprintOf(texts);
    return { jobs: declared(await this.parser.parse(JOBS_FILE, texts)), hash: this.lastSeen };
  }

  /** Calls `onChange` with all jobs of the file each time it has changed and is valid; faults are logged. */
  start(onChange: (file: ReadJobsFile) => void): void {
    this.onChange = onChange;
    if (this.environment.JOBS_FILE !== undefined) this.loop.start();
  }

  /** Reads the file now, and calls `onChange` even if the file is unchanged. */
  readNow(): void {
    this.readRequested = true;
    this.loop.wake();
  }

  async stop(): Promise<void> {
    await this.loop.stop();
  }

  private async poll(): Promise<void> {
    const path = this.environment.JOBS_FILE!;
    const { readRequested, lastSeen } = this;
    this.readRequested = false;
    const read = await readJobsTexts(path).catch((problem: Problem) => problem);
    this.lastSeen = read instanceof Problem ? read.message : fingerprintOf(read);
    // A content that differs between two polls may be half written.
    if (!readRequested && (this.lastSeen === this.lastParsed || this.lastSeen !== lastSeen)) return;
    try {
      if (read instanceof Problem) throw read;
      this.onChange({ jobs: declared(await this.parser.parse(path, read)), hash: this.lastSeen });
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.metrics.rejected();
      this.logger.error({ code: error.code }, `jobs file refused, the jobs stay as they were: ${error.message}`);
    }
    this.lastParsed = this.lastSeen;
  }
}

/** A declaration that says nothing of `paused` declares a job that is not paused. As long as that stays so, a pause over the API is kept. */
const declared = (jobs: Map<string, WrittenDefinition>): Map<string, JobDefinition> =>
  new Map([...jobs].map(([name, job]) => [name, { ...job, paused: job.paused ?? false }]));

const fingerprintOf = (texts: JobsText[]): string =>
  createHash('sha256').update(JSON.stringify(texts)).digest('hex').slice(0, 12);

/** The text of the file, or those of a folder's files by name. Throws JOBS_FILE_UNREADABLE, and JOBS_FILE_INVALID for files that are
 *  not UTF-8. */
export async function readJobsTexts(path: string): Promise<JobsText[]> {
  const files = await readFiles(path);
  const faults = files.flatMap(({ name: file, bytes }) => {
    const line = lineNotUtf8(bytes);
    return line === undefined ? [] : [{ file, line, path: [], message: utf8Help }];
  });
  if (faults.length > 0) throw new JobsFileError(400, path, faults);
  return files.map(({ name, bytes }) => ({ name, text: bytes.toString() }));
}

async function readFiles(path: string): Promise<{ name: string; bytes: Buffer }[]> {
  try {
    const stats = await stat(path);
    const fault = kindFault(path, stats, 'file or folder');
    if (fault !== null) throw new JobsFileUnreadableError(fault);
    if (!stats.isDirectory()) return [{ name: '', bytes: await readFile(path) }];
    // A mounted ConfigMap keeps its versions in entries that begin with a dot.
    const names = (await readdir(path)).filter((name) => /^[^.].*\.(ya?ml|json)$/.test(name)).toSorted();
    if (names.length === 0)
      throw new JobsFileUnreadableError(
        `${path} holds no file *.yaml, *.yml or *.json; for no jobs, add a file with "jobs: {}"`,
      );
    return await Promise.all(names.map(async (name) => ({ name, bytes: await readIn(path, name) })));
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new JobsFileUnreadableError(describePathError(path, error as Error, 'file or folder'));
  }
}

async function readIn(folder: string, name: string): Promise<Buffer> {
  const path = join(folder, name);
  try {
    const fault = kindFault(path, await stat(path), 'file');
    if (fault === null) return await readFile(path);
    throw new JobsFileUnreadableError(fault);
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new JobsFileUnreadableError(describePathError(path, error as Error, 'file'));
  }
}

class JobsFileUnreadableError extends Problem {
  constructor(fault: string) {
    super(500, 'JOBS_FILE_UNREADABLE', `JOBS_FILE cannot be read: ${fault}`);
  }
}
