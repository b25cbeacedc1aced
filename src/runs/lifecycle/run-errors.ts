import { causesOf, type CauseParts, isError, textOf } from '../../core/error-causes.js';
import { storableText } from '../../core/json.js';
import { unmasked, type Mask } from '../../core/mask.js';
import { CodedError } from '../../core/coded-error.js';
import type { RunError } from './run.entity.js';

/** How many characters of each text are stored. */
const MAX_TEXT = 16_384;
/** The same for each text of a cause. There are up to 20 causes. */
const MAX_CAUSE_TEXT = 1_024;

export class TaskTimeoutError extends CodedError {
  /** `waited` says what the attempt was waiting for, if that is known. */
  constructor(
    readonly timeoutSeconds: number,
    waited = '',
  ) {
    const message = `The attempt took longer than timeoutSeconds: ${timeoutSeconds}; its signal was aborted`;
    super('TIMED_OUT', waited ? `${message}. ${waited}` : message);
  }
}

/** The process aborts the attempt through no fault of the task. `onInterruption` of the job decides whether the run is
 *  started again, and no retry is used up. */
export class InterruptedError extends CodedError {
  constructor(
    /** Becomes the run's `reason`. */
    readonly reason: 'shutdown' | 'database_silent' | 'worker_lost',
    code: string,
    message: string,
  ) {
    super(code, message);
  }
}

export class ShutdownError extends InterruptedError {
  constructor() {
    const message = 'The process was shut down, and the attempt did not end within SHUTDOWN_GRACE_SECONDS';
    super('shutdown', 'SHUTDOWN', message);
  }
}

export class DatabaseSilentError extends InterruptedError {
  constructor() {
    const message =
      'The database did not respond to this process for 6 s, and other replicas may soon take over its runs';
    super('database_silent', 'DATABASE_SILENT', message);
  }
}

export class TakenOverError extends InterruptedError {
  constructor() {
    super('worker_lost', 'TAKEN_OVER', 'Other replicas declared this process dead and took over its runs');
  }
}

/** The reason why a process ends itself. It is never the error of a run. */
export class SlotsAbandonedError extends CodedError {
  constructor(abandoned: { task: string }[]) {
    const tasks = [...new Set(abandoned.map(({ task }) => task))].join(', ');
    const held = `Tasks that ignore their abort signal hold ${abandoned.length} slots, at least half of all: ${tasks}.`;
    const message = `${held} The process drains and exits, so that a new one can take over. Tasks must stop when context.signal is aborted`;
    super('SLOTS_ABANDONED', message);
  }
}

export class CancelledError extends CodedError {
  constructor() {
    super('CANCELLED', 'The run was cancelled');
  }
}

export class RunNotFoundError extends CodedError {
  constructor(readonly run: string) {
    super('RUN_NOT_FOUND', `There is no run ${run}. It may have been pruned; GET /api/v1/runs lists all runs`);
  }
}

export class RunFinishedError extends CodedError {
  constructor(
    readonly run: string,
    state: string,
  ) {
    super('RUN_FINISHED', `Run ${run} has already ended: it is ${state}`);
  }
}

export class RunNotFinishedError extends CodedError {
  constructor(
    readonly run: string,
    state: string,
  ) {
    super('RUN_NOT_FINISHED', `Run ${run} is ${state}. Wait until it ends, or cancel it first`);
  }
}

export class RunNeverStartedError extends CodedError {
  constructor(
    readonly run: string,
    state: string,
  ) {
    const message = `Run ${run} is ${state}: it never started, so it cannot be repeated. Backfill its occurrence, or run the job now`;
    super('RUN_NEVER_STARTED', message);
  }
}

/** Converts what a task has thrown into what the row of its run stores, with its causes, with secrets masked and long texts cut.
 *  Never throws. */
export function runError(thrown: unknown, mask: Mask = unmasked): RunError {
  // Masked before it is cut, since half a secret would not be recognised.
  const kept = (value: string, length = MAX_TEXT) => cut(mask(value), length);
  try {
    return isError(thrown) ? describe(thrown, kept) : { name: 'NonError', message: kept(textOf(thrown)) };
  } catch {
    return { name: 'NonError', message: 'The task threw something that cannot be read' };
  }
}

function describe(thrown: Error, kept: (value: string, length?: number) => string): RunError {
  const code: unknown = (thrown as { code?: unknown }).code;
  const { stack } = thrown;
  const causes = causesOf(thrown);
  return {
    // Some libraries put something other than a string into these fields.
    name: kept(textOf(thrown.name)),
    message: kept(textOf(thrown.message)),
    ...(typeof code === 'string' && { code: kept(code) }),
    ...(typeof stack === 'string' && { stack: kept([stack, ...causes.map(asLines)].join('\n')) }),
    ...(causes.length > 0 && {
      causes: causes.map((cause) => ({
        depth: cause.depth,
        name: kept(cause.name, MAX_CAUSE_TEXT),
        message: kept(cause.message, MAX_CAUSE_TEXT),
        ...(cause.code !== undefined && { code: kept(cause.code, MAX_CAUSE_TEXT) }),
      })),
    }),
  };
}

const asLines = ({ depth, name, message, stack }: CauseParts): string =>
  `${'  '.repeat(depth - 1)}caused by: ${stack ?? `${name}: ${message}`}`;

const cut = (value: string, length: number) =>
  storableText(value.length > length ? `${value.slice(0, length)}…` : value);
