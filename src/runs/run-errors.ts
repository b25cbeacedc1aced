import { storableText } from '../core/json.js';
import { Problem } from '../core/problem.js';
import type { RunError } from './run.entity.js';

const LONGEST_TEXT = 16_384;

export class TaskTimeoutError extends Problem {
  constructor(readonly timeoutSeconds: number) {
    super(500, 'TIMED_OUT', `The attempt took longer than timeoutSeconds: ${timeoutSeconds}; its signal was aborted`);
  }
}

export class ShutdownError extends Problem {
  constructor() {
    super(503, 'SHUTDOWN', 'The process was shut down under the attempt, and SHUTDOWN_GRACE_SECONDS were over');
  }
}

/** Whatever a task has thrown, as a row keeps it. */
export function runError(thrown: unknown): RunError {
  if (!(thrown instanceof Error)) return { name: 'NonError', message: cut(text(thrown)) };
  const code: unknown = (thrown as { code?: unknown }).code;
  return {
    name: cut(thrown.name),
    message: cut(thrown.message),
    ...(typeof code === 'string' && { code: cut(code) }),
    ...(typeof thrown.stack === 'string' && { stack: cut(thrown.stack + causes(thrown)) }),
  };
}

function causes(error: Error): string {
  const { cause } = error;
  return cause instanceof Error && cause !== error ? `\ncaused by: ${cause.stack ?? cause.message}` : '';
}

function text(thrown: unknown): string {
  try {
    return typeof thrown === 'string' ? thrown : (JSON.stringify(thrown) ?? String(thrown));
  } catch {
    return 'something that is no Error was thrown';
  }
}

const cut = (value: string) => storableText(value.length > LONGEST_TEXT ? `${value.slice(0, LONGEST_TEXT)}…` : value);
