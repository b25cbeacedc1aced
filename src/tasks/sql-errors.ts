import type { Client, DatabaseError } from 'pg';
import { Problem } from '../core/problem.js';

/** The statement was about to leave, or has left, the transaction that the run gave it. */
export class SqlTransactionControlError extends Problem {
  constructor(what: string) {
    super(422, 'SQL_TRANSACTION_CONTROL', `${what}; ${transactionHelp}`);
  }
}

export const transactionHelp =
  'a statement runs in a transaction of its own, which commits when it succeeds: leave BEGIN, COMMIT, ROLLBACK, SAVEPOINT and the like out';

/** PostgreSQL has refused the statement. */
export class SqlFailedError extends Problem {
  constructor(error: DatabaseError) {
    const more = [error.detail, error.hint].filter((text) => text !== undefined);
    super(422, 'SQL_FAILED', [`${error.message} (SQLSTATE ${error.code})`, ...more].join('; '));
    this.cause = error;
  }
}

/** No session could be opened there. Without the password. */
export class SqlUnreachableError extends Problem {
  constructor({ host, port, database, user }: Client, cause: Error) {
    const why = cause.message || (cause as NodeJS.ErrnoException).code;
    super(
      503,
      'SQL_UNREACHABLE',
      `SQL_TASK_DATABASE_URL leads to ${host}:${port}, database "${database}", user "${user}", which did not let us in: ${why}`,
    );
    this.cause = cause;
  }
}
