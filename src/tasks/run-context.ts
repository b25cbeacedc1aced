import type { EntityManager } from 'typeorm';

/** Why a run exists: `schedule` for an occurrence, `catch_up` for a missed one, `manual` for a request, `backfill`, or `retry`
 *  for a request to repeat a finished run. See API.md#run. */
export const runKinds = ['schedule', 'catch_up', 'manual', 'backfill', 'retry'] as const;
/** One of `runKinds`: `schedule`, `catch_up`, `manual`, `backfill` or `retry`. See API.md#run. */
export type RunKind = (typeof runKinds)[number];

/** Writes to the service's log and to the run's own log. Each line has the run's id and job. A run keeps its first 1,000 lines or
 *  256 KiB, and the last 200 lines or 64 KiB of each attempt that logs more. See docs/writing-tasks.md#the-context. */
export interface RunLog {
  debug: LogMethod;
  info: LogMethod;
  warn: LogMethod;
  error: LogMethod;
}

export interface LogMethod {
  /** Writes one line. */
  (message: string): void;
  /** `fields` are stored with the line, as JSON. */
  (fields: object, message: string): void;
}

/** The second argument of a task's `run`: the attempt that it executes. See docs/writing-tasks.md#the-context. */
export interface RunContext {
  run: {
    /** UUID v7. The same at each attempt of the run; no other run has it. */
    id: string;
    /** Why the run exists. */
    kind: RunKind;
    /** The key that the http task sends, for receivers that have to recognise a repetition. The same in each attempt, in each retry by
     *  hand of the run, and in retries of these. For an occurrence: the job's name and `scheduledAt`. For other runs: the id of the
     *  first run. */
    idempotencyKey: string;
  };
  job: {
    /** The name of the job that the run belongs to. */
    name: string;
  };
  /** The nominal time of the occurrence, without jitter. For a manual run: the time of the request. */
  scheduledAt: Date;
  /** Starts at 1, increases, and is never used twice within a run. */
  attempt: number;
  /** Aborts at the timeout, when the run is cancelled, and at the end of the shutdown's grace period. The reason is an Error
   *  that says which of these happened. A task that has not returned 10 s later is given up: its result is discarded. */
  signal: AbortSignal;
  /** The log of the service and of the run. */
  log: RunLog;
  /** Runs `work` in one database transaction: everything written through the EntityManager commits together or not at all.
   *  In a transactional task it is the attempt's own transaction, which commits together with the state `succeeded`.
   *  Returns what `work` returns. */
  transaction: <T>(work: (tx: EntityManager) => Promise<T>) => Promise<T>;
}
