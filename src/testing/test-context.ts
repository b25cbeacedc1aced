import { v7 } from 'uuid';
import { Problem } from '../core/problem.js';
import type { LogMethod, RunContext, RunLog } from '../tasks/run-context.js';

/** One call of a method of `context.log`. See docs/writing-tasks.md#testing. */
export interface LoggedLine {
  level: keyof RunLog;
  message: string;
  /** `{}` when the task gave none. */
  fields: object;
}

/** The context of a first attempt at a scheduled run, but for what is `given`; what the task logs ends up in `logs`. */
export function testContext(logs: LoggedLine[], given: Partial<RunContext> = {}): RunContext {
  const method =
    (level: keyof RunLog): LogMethod =>
    (first: object | string, second?: string) => {
      logs.push(
        typeof first === 'string'
          ? { level, message: first, fields: {} }
          : { level, message: second ?? '', fields: first },
      );
    };
  return {
    run: { id: v7(), kind: 'schedule' },
    job: { name: 'test' },
    scheduledAt: new Date(),
    attempt: 1,
    signal: new AbortController().signal,
    log: { debug: method('debug'), info: method('info'), warn: method('warn'), error: method('error') },
    transaction: () => Promise.reject(new NoDatabaseError()),
    ...given,
  };
}

class NoDatabaseError extends Problem {
  constructor() {
    const message =
      'The task asks for a transaction, and the test has no database: put TypeOrmModule.forRoot(…) into `imports`, or give `transaction`';
    super(500, 'TEST_WITHOUT_DATABASE', message);
  }
}
