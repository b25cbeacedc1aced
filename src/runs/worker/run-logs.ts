import { Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { Loop } from '../../core/loop.js';
import { SchedulerDatabase } from '../../database/scheduler-database.js';
import { CUT, type LogLine, MAX_BYTES, MAX_LINES } from './run-log.js';

/** Lines beyond this are dropped, so that a database that is away does not fill the memory. */
const MAX_WAITING = 50_000;
const BATCH = 500;

/** Writes the log lines of all runs of this process once a second. A log never fails or delays a run: lines that cannot
 *  be written wait, and the lines of the last second are lost if the process dies. */
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
    if (this.waiting.length < MAX_WAITING) this.waiting.push(line);
  };

  /** Writes all waiting lines. Throws if the database is away. The lines then stay in the list. */
  async flush(): Promise<void> {
    while (this.waiting.length > 0) {
      const lines = this.waiting.slice(0, BATCH);
      await this.database.transaction((tx) => tx.query(insert, [JSON.stringify(lines)]));
      // Only now, so that lines are kept if the transaction fails. New lines are added at the end meanwhile.
      this.waiting.splice(0, lines.length);
    }
  }
}

// The limits hold for a run over all its attempts, in all processes. So the statement measures what is stored already
// (`kept`) plus the new lines in their order (`measured`). The first line that does not fit is replaced by CUT, and all
// later ones are dropped. A CUT line from an attempt counts as a line that does not fit. After a stored CUT line
// nothing is added. Lines of a run that has been pruned are dropped.
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
    SELECT line.*, message <> '${CUT}' AND COALESCE(lines, 0) + count(*) OVER so_far <= ${MAX_LINES}
      AND COALESCE(bytes, 0) + sum(octet_length(message) + COALESCE(octet_length(fields), 0)) OVER so_far <= ${MAX_BYTES} AS fits
    FROM line LEFT JOIN kept USING (run) WHERE cut IS NOT TRUE WINDOW so_far AS (PARTITION BY run ORDER BY n)
  ), numbered AS (
    SELECT *, count(*) FILTER (WHERE NOT fits) OVER (PARTITION BY run ORDER BY n) AS beyond FROM measured
  )
  INSERT INTO run_logs (run_id, attempt, at, level, message, fields)
  SELECT run, attempt, at, CASE WHEN fits THEN level ELSE 'warn' END, CASE WHEN fits THEN message ELSE '${CUT}' END,
    CASE WHEN fits THEN fields::jsonb END
  FROM numbered WHERE beyond = 0 OR (beyond = 1 AND NOT fits) ORDER BY n`;
