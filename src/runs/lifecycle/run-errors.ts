import { storableText } from '../../core/json.js';
import { bare, type Mask } from '../../core/mask.js';
import { Problem } from '../../core/problem.js';
import type { RunError } from './run.entity.js';

const LONGEST_TEXT = 16_384;

export class TaskTimeoutError extends Problem {
  constructor(readonly timeoutSeconds: number) {
    super(500, 'TIMED_OUT', `The attempt took longer than timeoutSeconds: ${timeoutSeconds}; its signal was aborted`);
  }
}

/** The process gives the attempt up, through no fault of its task: `onInterruption` decides. */
export class InterruptedError extends Problem {
  constructor(
    /** That of the run. */
    readonly reason: 'shutdown' | 'database_silent' | 'worker_lost',
    code: string,
    message: string,
  ) {
    super(503, code, message);
  }
}

export class ShutdownError extends InterruptedError {
  constructor() {
    const message = 'The process was shut down under the attempt, and SHUTDOWN_GRACE_SECONDS were over';
    super('shutdown', 'SHUTDOWN', message);
  }
}

export class DatabaseSilentError extends InterruptedError {
  constructor() {
    const message = 'The database did not answer this process for 6 s, so that others may soon take its runs over';
    super('database_silent', 'DATABASE_SILENT', message);
  }
}

export class TakenOverError extends InterruptedError {
  constructor() {
    super('worker_lost', 'TAKEN_OVER', 'Others took this process for lost, and its runs over');
  }
}

/** Of the process, which ends for it. */
export class SlotsAbandonedError extends Problem {
  constructor(abandoned: { task: string }[]) {
    const tasks = [...new Set(abandoned.map(({ task }) => task))].join(', ');
    const held = `Tasks that do not heed their signal hold ${abandoned.length} slots, half of them or more: ${tasks}.`;
    const message = `${held} The process drains and ends, so that a new one can take over; let them watch context.signal`;
    super(503, 'SLOTS_ABANDONED', message);
  }
}

export class CancelledError extends Problem {
  constructor() {
    super(409, 'CANCELLED', 'The run was cancelled');
  }
}

export class RunNotFoundError extends Problem {
  constructor(readonly run: string) {
    super(
      404,
      'RUN_NOT_FOUND',
      `There is no run ${run}; it may have been pruned. GET /api/v1/runs lists those there are`,
    );
  }
}

export class RunFinishedError extends Problem {
  constructor(
    readonly run: string,
    state: string,
  ) {
    super(409, 'RUN_FINISHED', `Run ${run} has ended already: it is ${state}`);
  }
}

export class RunNotFinishedError extends Problem {
  constructor(
    readonly run: string,
    state: string,
  ) {
    super(409, 'RUN_NOT_FINISHED', `Run ${run} is ${state}; wait for its end, or cancel it first`);
  }
}

export class RunNeverStartedError extends Problem {
  constructor(
    readonly run: string,
    state: string,
  ) {
    super(
      409,
      'RUN_NEVER_STARTED',
      `Run ${run} is ${state}, so there is nothing to repeat; backfill its occurrence, or run the job now`,
    );
  }
}

/** Whatever a task has thrown, as a row keeps it: what `mask` leaves. Never throws, whatever that is. */
export function runError(thrown: unknown, mask: Mask = bare): RunError {
  // In this order: half a secret would not be known for one.
  const kept = (words: string) => cut(mask(words));
  try {
    return thrown instanceof Error ? describe(thrown, kept) : { name: 'NonError', message: kept(text(thrown)) };
  } catch {
    return { name: 'NonError', message: 'something that cannot be read was thrown' };
  }
}

function describe(thrown: Error, kept: (words: string) => string): RunError {
  const code: unknown = (thrown as { code?: unknown }).code;
  return {
    // Nothing keeps a library from putting something else there.
    name: kept(text(thrown.name)),
    message: kept(text(thrown.message)),
    ...(typeof code === 'string' && { code: kept(code) }),
    ...(typeof thrown.stack === 'string' && { stack: kept(thrown.stack + causes(thrown)) }),
  };
}

function causes(error: Error): string {
  const { cause } = error;
  return cause instanceof Error && cause !== error ? `\ncaused by: ${cause.stack ?? cause.message}` : '';
}

const text = (value: unknown): string =>
  typeof value === 'string'
    ? value
    : typeof value === 'bigint'
      ? `${value}n`
      : (JSON.stringify(value) ?? String(value));

const cut = (value: string) => storableText(value.length > LONGEST_TEXT ? `${value.slice(0, LONGEST_TEXT)}…` : value);
