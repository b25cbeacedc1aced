import type { EntityManager } from 'typeorm';

/** Writes to the service's log and to the run's own, with the run's id and job on each line. */
export interface RunLog {
  debug: LogMethod;
  info: LogMethod;
  warn: LogMethod;
  error: LogMethod;
}

export interface LogMethod {
  (message: string): void;
  (fields: object, message: string): void;
}

/** What a task is told about the run that it serves. */
export interface RunContext {
  run: { id: string; kind: string };
  job: { name: string };
  /** The nominal instant of the occurrence; for a run by hand, when it was asked for. */
  scheduledAt: Date;
  /** From 1; never used twice within a run. */
  attempt: number;
  /** Aborts at the timeout, when the run is cancelled, and at the end of the shutdown's grace; the reason is an Error that says which. */
  signal: AbortSignal;
  log: RunLog;
  /** Runs `work` in one database transaction; whatever goes through the EntityManager commits together or not at all. In a
   *  transactional task that is the attempt's own, so that it commits together with `succeeded`. */
  transaction: <T>(work: (tx: EntityManager) => Promise<T>) => Promise<T>;
}
