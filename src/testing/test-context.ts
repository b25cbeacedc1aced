import { v7 } from 'uuid';
import { Problem } from '../core/problem.js';
import type { LogMethod, RunContext, RunLog } from '../tasks/run-context.js';

/** A line that a task wrote through `context.log`. See docs/writing-tasks.md#testing. */
export interface LoggedLine {
  level: keyof RunLog;
  /** Empty when the task passed only fields. */
  message: string;
  /** Empty when the task passed only a message. */
  fields: object;
}

/** The context of the first attempt of a scheduled run, with the fields in `given` replaced. The task's log lines are added to `logs`. */
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
  const { job = { name: 'test' }, scheduledAt = new Date() } = given;
  return {
    run: { id: v7(), kind: 'schedule', idempotencyKey: `${job.name}/${scheduledAt.toISOString()}` },
    job,
    scheduledAt,
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
      'The task uses context.transaction, and this test has no database: add TypeOrmModule.forRoot(…) to `imports`, or pass `transaction`';
    super(500, 'TEST_WITHOUT_DATABASE', message);
  }
}
