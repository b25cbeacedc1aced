import { Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { Loop } from '../core/loop.js';
import { SchedulerDatabase } from '../database/scheduler-database.js';
import { type LogLine, MOST_LINES } from './run-log.js';

const MOST_WAITING = 50_000;
const BATCH = 500;

/** Writes the lines of all runs of this process, once a second. Beyond 50,000 that wait for the database, lines are dropped; a log never fails a run. */
@Injectable()
export class RunLogs {
  private readonly waiting: LogLine[] = [];
  private readonly loop = new Loop({
    everyMs: 1_000,
    turn: () => this.flush(),
    failed: (error) => this.logger.warn({ err: error }, 'run logs not written'),
  });

  constructor(
    private readonly database: SchedulerDatabase,
    private readonly logger: PinoLogger,
  ) {}

  start(): void {
    this.loop.start();
  }

  async stop(): Promise<void> {
    await this.loop.stop();
    await this.flush().catch((error: unknown) => this.logger.warn({ err: error }, 'last run logs not written'));
  }

  readonly keep = (line: LogLine): void => {
    if (this.waiting.length < MOST_WAITING) this.waiting.push(line);
  };

  /** Writes what waits now. Throws when the database is away; the lines then wait on. */
  async flush(): Promise<void> {
    while (this.waiting.length > 0) {
      const lines = this.waiting.slice(0, BATCH);
      await this.database.transaction((tx) => tx.query(insert, [JSON.stringify(lines)]));
      this.waiting.splice(0, lines.length);
    }
  }
}

// A run that was pruned has no lines. A run's limit holds over all its attempts, each of which keeps to it by itself.
const insert = `
  INSERT INTO run_logs (run_id, attempt, at, level, message, fields)
  SELECT "runId", attempt, at, level, message, fields::jsonb
  FROM jsonb_to_recordset($1::jsonb) AS line ("runId" uuid, attempt integer, at timestamptz, level text, message text,
    fields text)
  WHERE EXISTS (SELECT FROM runs WHERE runs.id = "runId")
    AND (attempt = 1 OR (SELECT count(*) FROM run_logs WHERE run_id = "runId") < ${MOST_LINES})`;
