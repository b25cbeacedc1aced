import { Injectable } from '@nestjs/common';
import { Client, type ClientBase, DatabaseError, type PoolClient } from 'pg';
import { QueryFailedError } from 'typeorm';
import { fillIn } from '../core/template.js';
import { endSession, withCancel } from '../database/cancel-backend.js';
import { databaseSocket } from '../database/database-socket.js';
import { resetTransactionDefaults, taskSettings } from '../database/transaction-settings.js';
import { placeholderValues } from './placeholders.js';
import type { RunContext } from './run-context.js';
import { SqlCopyError, SqlFailedError, SqlTransactionControlError, SqlUnreachableError } from './sql-errors.js';
import { isCopy, type SqlInput, sqlInput, transactionKeyword } from './sql-input.js';
import { checkRole } from './sql-role.js';
import { runStatement, type SqlOutput } from './sql-statement.js';
import { Task, type TaskHandler } from './task.decorator.js';

/** Runs one SQL statement on the service's database, in the attempt's own transaction. */
@Injectable()
@Task({
  name: 'sql',
  description: "Runs one SQL statement on the service's database; what it writes commits together with the run.",
  transactional: true,
  input: sqlInput,
})
export class SqlTask implements TaskHandler<typeof sqlInput> {
  /** Throws a Problem: SQL_FAILED, SQL_TRANSACTION_CONTROL, SQL_COPY, SQL_RESULT_TOO_LARGE or SQL_ROLE_REFUSED. */
  run(input: SqlInput, context: RunContext): Promise<SqlOutput> {
    return runSql(input, context, (work) =>
      context.transaction(async (tx) => work((await tx.queryRunner!.connect()) as PoolClient)),
    );
  }
}

/** Runs one SQL statement on another database. The statement commits before the run ends. If the attempt is lost in between,
 *  the next attempt runs the statement again. */
@Injectable()
@Task({
  name: 'sql',
  description: 'Runs one SQL statement on the database of SQL_TASK_DATABASE_URL, in a transaction of its own.',
  input: sqlInput,
})
export class ForeignSqlTask implements TaskHandler<typeof sqlInput> {
  constructor(private readonly url: string) {}

  /** Throws a Problem: those of SqlTask, or SQL_UNREACHABLE. */
  run(input: SqlInput, context: RunContext): Promise<SqlOutput> {
    return runSql(input, context, (work) => this.transaction(context, work));
  }

  /** Each attempt has a session of its own, so that temporary tables and settings do not reach the next one. */
  private async transaction<T>({ signal, log }: RunContext, work: (client: ClientBase) => Promise<T>): Promise<T> {
    const client = new Client({
      connectionString: this.url,
      application_name: 'cronzimus sql',
      connectionTimeoutMillis: 10_000,
      keepAlive: true,
      stream: () => databaseSocket(),
    });
    // The statement that is running fails with the same error.
    client.on('error', () => undefined);
    let backend: number | undefined;
    const failed = (err: unknown) => log.warn({ err }, 'statement could not be cancelled');
    try {
      return await withCancel({ url: this.url, client, pid: () => backend, signal, failed }, async () => {
        await client.connect().catch((error: Error) => {
          throw new SqlUnreachableError(client, error);
        });
        await client.query(`BEGIN; SELECT ${taskSettings}`);
        const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
        backend = rows[0]!.pid;
        const result = await work(client);
        signal.throwIfAborted();
        await client.query(`SELECT ${resetTransactionDefaults}; COMMIT`);
        return result;
      });
    } finally {
      // Without a COMMIT, this rolls back.
      await endSession(client);
    }
  }
}

type InTransaction = (work: (client: ClientBase) => Promise<SqlOutput>) => Promise<SqlOutput>;

async function runSql(
  { statement, values }: SqlInput,
  context: RunContext,
  inTransaction: InTransaction,
): Promise<SqlOutput> {
  // The input schema refuses it too, but code may call the task with an input that was not checked.
  const keyword = transactionKeyword(statement);
  if (keyword) throw new SqlTransactionControlError(`${keyword} is refused`);
  if (isCopy(statement)) throw new SqlCopyError();
  const filled = fillIn(values, placeholderValues(context));
  try {
    return await inTransaction(async (client) => {
      // At each run, because the role may have been granted more since the start.
      await checkRole(client);
      return runStatement(client, statement, filled);
    });
  } catch (error) {
    const cause: unknown = error instanceof QueryFailedError ? error.driverError : error;
    throw cause instanceof DatabaseError ? new SqlFailedError(cause) : error;
  }
}
