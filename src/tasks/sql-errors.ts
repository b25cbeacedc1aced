import type { Client, DatabaseError } from 'pg';
import { Problem } from '../core/problem.js';

/** The statement would end or split the transaction in which it runs. */
export class SqlTransactionControlError extends Problem {
  constructor(what: string) {
    super(422, 'SQL_TRANSACTION_CONTROL', `${what}; ${transactionHelp}`);
  }
}

export const transactionHelp =
  'a statement runs in one transaction, which commits when it succeeds: leave out BEGIN, COMMIT, ROLLBACK, SAVEPOINT and similar';

/** PostgreSQL reported an error for the statement. */
export class SqlFailedError extends Problem {
  constructor(error: DatabaseError) {
    const more = [error.detail, error.hint].filter((text) => text !== undefined);
    super(422, 'SQL_FAILED', [`${error.message} (SQLSTATE ${error.code})`, ...more].join('; '));
    this.cause = error;
  }
}

/** No session could be opened on the database of SQL_TASK_DATABASE_URL. The message does not contain the password. */
export class SqlUnreachableError extends Problem {
  constructor({ host, port, database, user }: Client, cause: Error) {
    const why = cause.message || (cause as NodeJS.ErrnoException).code;
    super(
      503,
      'SQL_UNREACHABLE',
      `SQL_TASK_DATABASE_URL points to ${host}:${port}, database "${database}", user "${user}"; the connection failed: ${why}`,
    );
    this.cause = cause;
  }
}
