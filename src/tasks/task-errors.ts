import type { StandardSchemaV1 } from '@standard-schema/spec';
import { type Fault, Problem } from '../core/problem.js';
import { faultsOf } from '../core/schema-faults.js';

const SQL_HINT =
  '. When HOST is not loopback, sql needs SQL_TASK_DATABASE_URL: a postgres:// URL, or self. Its role must not be a superuser';

/** No process has a task of that name, or this one leaves it out. */
export class UnknownTaskError extends Problem {
  constructor(
    readonly task: string,
    known: string[],
  ) {
    const list = known.toSorted().join(', ') || 'none';
    const message = `Task "${task}" is not registered; known tasks: ${list}${task === 'sql' ? SQL_HINT : ''}`;
    super(422, 'UNKNOWN_TASK', message, [{ path: '/task', message }]);
  }
}

export class InvalidTaskInputError extends Problem {
  constructor(task: string, faults: Fault[]) {
    const list = faults.map(({ path, message }) => `${path}: ${message}`).join('; ');
    super(422, 'INVALID_INPUT', `The input does not fit task "${task}": ${list}`, faults);
  }

  /** Of the issues that a schema reports for the input. */
  static of(task: string, issues: readonly StandardSchemaV1.Issue[]): InvalidTaskInputError {
    return new InvalidTaskInputError(task, faultsOf(issues, ['input']));
  }
}
