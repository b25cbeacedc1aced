import type { Client, DatabaseError } from 'pg';
import { Problem } from '../core/problem.js';

/** The statement would end or split the transaction in which it runs, or change its mode or that of later transactions. */
export class SqlTransactionControlError extends Problem {
  constructor(what: string) {
    super(422, 'SQL_TRANSACTION_CONTROL', `${what}; ${transactionHelp}`);
  }
}

export const transactionHelp =
  'a statement runs in one transaction, which commits when it succeeds: leave out BEGIN, COMMIT, ROLLBACK, SAVEPOINT, SET TRANSACTION and similar';

/** COPY would wait for data that a run does not have, or send data that a run cannot keep. */
export class SqlCopyError extends Problem {
  constructor() {
    super(422, 'SQL_COPY', copyHelp);
  }
}

export const copyHelp =
  'COPY is refused, because a run has no data to send and no file to write; use INSERT … SELECT, or SELECT with a LIMIT';

/** The server sends more than the task reads. The statement was rolled back. */
export class SqlResultTooLargeError extends Problem {
  constructor(limitBytes: number, what: 'one row, notice or error' | 'all rows and notices together') {
    super(
      422,
      'SQL_RESULT_TOO_LARGE',
      `The database sends more than ${limitBytes / 1_048_576} MiB in ${what}, so the statement was ended and rolled back; a run keeps \
48 KiB: select fewer columns, add a LIMIT, aggregate, or write the rows into a table with INSERT … SELECT`,
    );
  }
}

/** What makes a role too powerful for the sql task. */
export interface Power {
  user: string;
  /** The user itself, or a role of which it is a member. */
  role: string;
  superuser: boolean;
  createrole: boolean;
}

/** A statement with this role could run programs on the database server. */
export class SqlRoleRefusedError extends Problem {
  constructor({ user, role, superuser, createrole }: Power) {
    const what = superuser
      ? 'a superuser'
      : createrole
        ? 'a role with CREATEROLE, which before PostgreSQL 16 can grant itself pg_execute_server_program'
        : `"${role}"`;
    const why = user === role ? `is ${what}` : `is a member of ${superuser || createrole ? `"${role}", ` : ''}${what}`;
    super(
      422,
      'SQL_ROLE_REFUSED',
      `The sql task does not run as "${user}": the role ${why}, and so its statements could use files and programs of the database \
server. Set SQL_TASK_DATABASE_URL to a URL with an ordinary role (CREATE ROLE … LOGIN), or TASKS_DISABLED=sql`,
    );
  }
}

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
