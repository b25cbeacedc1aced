import { type ClientBase, DatabaseError } from 'pg';
import { QueryFailedError } from 'typeorm';
import { fillIn } from '../core/template.js';
import type { RunContext } from './run-context.js';
import { runWords } from './run-words.js';
import { SqlFailedError, SqlTransactionControlError } from './sql-errors.js';
import type { SqlInput } from './sql-input.js';
import { transactionKeyword } from './sql-keyword.js';
import { runStatement, type SqlAnswer } from './sql-statement.js';

type InTransaction = (work: (client: ClientBase) => Promise<SqlAnswer>) => Promise<SqlAnswer>;

/** Runs one statement in the transaction that `inTransaction` opens. Throws a Problem: SQL_FAILED or SQL_TRANSACTION_CONTROL. */
export async function runSql(
  { statement, values }: SqlInput,
  context: RunContext,
  inTransaction: InTransaction,
): Promise<SqlAnswer> {
  const keyword = transactionKeyword(statement);
  if (keyword) throw new SqlTransactionControlError(`${keyword} is refused`);
  const filled = fillIn(values, runWords(context));
  try {
    return await inTransaction((client) => runStatement(client, statement, filled));
  } catch (error) {
    const cause: unknown = error instanceof QueryFailedError ? error.driverError : error;
    throw cause instanceof DatabaseError ? new SqlFailedError(cause) : error;
  }
}
