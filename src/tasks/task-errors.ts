import type { StandardSchemaV1 } from '@standard-schema/spec';
import { type Fault, Problem } from '../core/problem.js';
import { faultsOf } from '../core/schema-faults.js';

const WITHOUT_SQL = '. Where HOST is not loopback, sql needs SQL_TASK_DATABASE_URL: a postgres:// URL, or self';

export class UnknownTaskError extends Problem {
  constructor(
    readonly task: string,
    known: string[],
  ) {
    const list = known.toSorted().join(', ') || 'none';
    const message = `Task "${task}" is not registered; known tasks: ${list}${task === 'sql' ? WITHOUT_SQL : ''}`;
    super(422, 'UNKNOWN_TASK', message, [{ path: '/task', message }]);
  }
}

export class InvalidTaskInputError extends Problem {
  constructor(task: string, faults: Fault[]) {
    const list = faults.map(({ path, message }) => `${path}: ${message}`).join('; ');
    super(422, 'INVALID_INPUT', `The input does not fit task "${task}": ${list}`, faults);
  }

  static of(task: string, issues: readonly StandardSchemaV1.Issue[]): InvalidTaskInputError {
    return new InvalidTaskInputError(task, faultsOf(issues, ['input']));
  }
}
