import { Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { Loop } from '../../core/loop.js';
import { SchedulerDatabase } from '../../database/scheduler-database.js';
import { rows } from '../../database/transaction.js';
import { AttemptLog, CUT, MAX_BYTES, MAX_LINES, missingHere, type QueuedLine } from './attempt-log.js';

/** Lines beyond this are dropped, so that a database that is away does not fill the memory. */
const MAX_WAITING = 50_000;
const BATCH = 500;

type Attempt = AttemptLog['run'];

/**
 * Writes the log lines of all runs of this process once a second. A log never fails or delays a run: lines that cannot
 * be written wait, and the lines of the last second are lost if the process dies.
 *
 * Of an attempt with more lines than its run keeps, the last lines are in memory until it ends. If the process dies
 * before that, they are lost, and the entry CUT stays in the log.
 */
@Injectable()
export class RunLogs {
  private readonly waiting: QueuedLine[] = [];
  /** The attempts that run, and those that have ended and whose last lines may still have to be written. */
  private readonly attempts = new Map<string, AttemptLog>();
  /** `lines` is how many lines the attempt held when it ended. */
  private ended: { log: AttemptLog; lines: number }[] = [];
  /** How many lines the attempts in `ended` hold. */
  private held = 0;
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

  /** Writes everything, also the last lines of attempts that have not ended. */
  async stop(): Promise<void> {
    await this.loop.stop();
    for (const { run } of this.attempts.values()) this.end(run);
    await this.flush().catch((error: unknown) => this.logger.warn({ err: error }, 'last run logs not written'));
  }

  begin({ id, attempt }: Attempt): AttemptLog {
    const log = new AttemptLog({ id, attempt }, (line) => {
      const accepted = this.waiting.length < MAX_WAITING;
      if (accepted) this.waiting.push(line);
      return accepted;
    });
    this.attempts.set(keyOf(log.run), log);
    return log;
  }

  /** Call this when the attempt has ended. Only the first call for an attempt counts. A task that ignores its abort
   *  signal may log more lines after that. They are stored if they fit among the first lines of the run. */
  end(run: Attempt): void {
    const log = this.attempts.get(keyOf(run));
    if (!log || log.ended) return;
    if (log.written === 0) return void this.attempts.delete(keyOf(run));
    const cut = log.end();
    if (cut) this.waiting.push(cut);
    if (this.held + log.last.length > MAX_WAITING) log.last = [];
    this.held += log.last.length;
    this.ended.push({ log, lines: log.last.length });
  }

  /** Writes all waiting lines, and then the last lines of the attempts that have ended. Throws if the database is away.
   *  What is not written then is written by the next flush. */
  async flush(): Promise<void> {
    // The lines of these attempts are written, or in the list of waiting ones.
    const { ended } = this;
    this.ended = [];
    try {
      await this.writeWaiting();
      while (ended.length > 0) {
        const { log, lines } = ended.at(-1)!;
        if (log.cut) await this.writeLast(log);
        this.attempts.delete(keyOf(log.run));
        this.held -= lines;
        ended.pop();
      }
    } finally {
      this.ended = [...ended, ...this.ended];
    }
  }

  private async writeWaiting(): Promise<void> {
    while (this.waiting.length > 0) {
      const lines = this.waiting.slice(0, BATCH);
      const cut = await this.database.transaction((tx) => rows<Attempt>(tx, insert, [JSON.stringify(lines)]));
      for (const run of cut) this.attempts.get(keyOf(run))?.cutStored();
      // Only now, so that lines are kept if the transaction fails. New lines are added at the end meanwhile.
      this.waiting.splice(0, lines.length);
    }
  }

  /** Replaces the entry CUT of an attempt by the number of missing lines and its last lines. If that entry is not there,
   *  an earlier call has done it, or the run was pruned. */
  private writeLast({ run, written, last }: AttemptLog): Promise<void> {
    return this.database.transaction(async (tx) => {
      const [cut] = await rows<{ at: Date; stored: number }>(tx, removeCut, [run.id, run.attempt]);
      if (!cut) return;
      const beyond = last.slice(Math.max(0, last.length - (written - cut.stored)));
      const missing = written - cut.stored - beyond.length;
      const entry = { at: cut.at, level: 'warn', message: missingHere(missing), fields: null, missing };
      const lines = missing > 0 ? [entry, ...beyond] : beyond;
      await tx.query(insertLast, [JSON.stringify(lines), run.id, run.attempt]);
    });
  }
}

const keyOf = ({ id, attempt }: Attempt): string => `${id}/${attempt}`;

// `missing` is null in the rows of lines. In an entry of ours it is the number of lines that are missing there. It is 0 in
// the entry CUT, as long as the attempt has not ended.
//
// The limits hold for a run over all its attempts, in all processes. So the statement measures what is stored already
// (`kept`) plus the new lines in their order (`measured`). From the first line that does not fit, none is stored. In each
// attempt the first of these becomes an entry CUT, unless the attempt has one. Lines of a run that has been pruned are
// dropped. Returns the attempts that have an entry.
const insert = `
  WITH line AS (
    SELECT * FROM ROWS FROM (jsonb_to_recordset($1::jsonb)
      AS ("runId" uuid, attempt integer, at timestamptz, level text, message text, fields text, cut boolean))
      WITH ORDINALITY AS line (run, attempt, at, level, message, fields, cut, n)
    WHERE EXISTS (SELECT FROM runs WHERE runs.id = run)
  ), kept AS (
    SELECT run_id AS run, count(*) AS lines, sum(octet_length(message) + COALESCE(octet_length(fields::text), 0)) AS bytes,
      array_agg(DISTINCT attempt) FILTER (WHERE missing IS NOT NULL) AS marked
    FROM run_logs WHERE run_id IN (SELECT run FROM line) GROUP BY 1
  ), measured AS (
    SELECT line.*, NOT cut AND marked IS NULL AND COALESCE(lines, 0) + count(*) OVER so_far <= ${MAX_LINES}
      AND COALESCE(bytes, 0) + sum(octet_length(message) + COALESCE(octet_length(fields), 0)) OVER so_far <= ${MAX_BYTES} AS fits,
      attempt = ANY (COALESCE(marked, '{}')) AS marked
    FROM line LEFT JOIN kept USING (run) WINDOW so_far AS (PARTITION BY run ORDER BY n)
  ), placed AS (
    SELECT *, count(*) FILTER (WHERE NOT fits) OVER (PARTITION BY run ORDER BY n) = 0 AS first FROM measured
  ), numbered AS (
    SELECT *, row_number() OVER (PARTITION BY run, attempt, first ORDER BY n) AS nth FROM placed
  ), added AS (
    INSERT INTO run_logs (run_id, attempt, at, level, message, fields, missing)
    SELECT run, attempt, at, CASE WHEN first THEN level ELSE 'warn' END, CASE WHEN first THEN message ELSE '${CUT}' END,
      CASE WHEN first THEN fields::jsonb END, CASE WHEN NOT first THEN 0 END
    FROM numbered WHERE first OR (nth = 1 AND NOT marked) ORDER BY n
    RETURNING run_id, attempt, missing
  )
  SELECT run_id AS id, attempt FROM added WHERE missing = 0
  UNION SELECT run, attempt FROM measured WHERE marked`;

const removeCut = `
  WITH cut AS (DELETE FROM run_logs WHERE run_id = $1 AND attempt = $2 AND missing = 0 RETURNING at)
  SELECT at, (SELECT count(*)::int FROM run_logs WHERE run_id = $1 AND attempt = $2 AND missing IS NULL) AS stored FROM cut`;

const insertLast = `
  INSERT INTO run_logs (run_id, attempt, at, level, message, fields, missing)
  SELECT $2, $3, at, level, message, fields::jsonb, missing FROM ROWS FROM (jsonb_to_recordset($1::jsonb)
    AS (at timestamptz, level text, message text, fields text, missing integer))
    WITH ORDINALITY AS line (at, level, message, fields, missing, n) ORDER BY n`;
