import { Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { Loop } from '../../core/loop.js';
import { SchedulerDatabase } from '../../database/scheduler-database.js';
import { CUT, type LogLine, MOST_BYTES, MOST_LINES } from './run-log.js';

const MOST_WAITING = 50_000;
const BATCH = 500;

/** Writes the lines of all runs of this process, once a second. Beyond 50,000 that wait for the database, lines are dropped; a log never fails a run. */
@Injectable()
export class RunLogs {
  private readonly waiting: LogLine[] = [];
  readonly loop = new Loop({
    everyMs: 1_000,
    turn: () => this.flush(),
    failed: (error) => this.logger.warn({ err: error }, 'run logs not written'),
  });

  constructor(
    private readonly database: SchedulerDatabase,
    private readonly logger: PinoLogger,
  ) {}

  startFlushing(): void {
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

// A run keeps so much over all its attempts, whichever processes they ran in. The line that is one too many becomes the one that
// says so; one that an attempt brings along is it in any case. A run that was pruned keeps nothing.
const insert = `
  WITH line AS (
    SELECT * FROM ROWS FROM (jsonb_to_recordset($1::jsonb)
      AS ("runId" uuid, attempt integer, at timestamptz, level text, message text, fields text)) WITH ORDINALITY
      AS line (run, attempt, at, level, message, fields, n)
    WHERE EXISTS (SELECT FROM runs WHERE runs.id = run)
  ), kept AS (
    SELECT run_id AS run, count(*) AS lines, sum(octet_length(message) + COALESCE(octet_length(fields::text), 0)) AS bytes,
      bool_or(message = '${CUT}') AS cut
    FROM run_logs WHERE run_id IN (SELECT run FROM line) GROUP BY 1
  ), measured AS (
    SELECT line.*, message <> '${CUT}' AND COALESCE(lines, 0) + count(*) OVER so_far <= ${MOST_LINES}
      AND COALESCE(bytes, 0) + sum(octet_length(message) + COALESCE(octet_length(fields), 0)) OVER so_far <= ${MOST_BYTES} AS fits
    FROM line LEFT JOIN kept USING (run) WHERE cut IS NOT TRUE WINDOW so_far AS (PARTITION BY run ORDER BY n)
  ), numbered AS (
    SELECT *, count(*) FILTER (WHERE NOT fits) OVER (PARTITION BY run ORDER BY n) AS beyond FROM measured
  )
  INSERT INTO run_logs (run_id, attempt, at, level, message, fields)
  SELECT run, attempt, at, CASE WHEN fits THEN level ELSE 'warn' END, CASE WHEN fits THEN message ELSE '${CUT}' END,
    CASE WHEN fits THEN fields::jsonb END
  FROM numbered WHERE beyond = 0 OR (beyond = 1 AND NOT fits) ORDER BY n`;
