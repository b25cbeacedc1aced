import type { RunContext, RunLog } from '../../src/tasks/run-context.js';

export interface LogLine {
  level: keyof RunLog;
  fields: object;
  message: string;
}

/** What a task is handed, made by hand; what it logs ends up in `lines`. */
export function runContext(given: Partial<RunContext> = {}, lines: LogLine[] = []): RunContext {
  const method =
    (level: keyof RunLog) =>
    (...[first, second = '']: [string] | [object, string]) => {
      lines.push(
        typeof first === 'string' ? { level, fields: {}, message: first } : { level, fields: first, message: second },
      );
    };
  return {
    run: { id: '01989f3e-7a10-7cc0-8000-00000000000a', kind: 'schedule' },
    job: { name: 'billing.nightly' },
    scheduledAt: new Date('2026-03-01T02:30:00.000Z'),
    attempt: 2,
    signal: new AbortController().signal,
    log: { debug: method('debug'), info: method('info'), warn: method('warn'), error: method('error') },
    transaction: () => Promise.reject(new Error('This context has no database')),
    ...given,
  };
}
