import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DatabaseError, type PoolClient } from 'pg';
import { type DataSource, QueryFailedError } from 'typeorm';
import { z } from 'zod';
import { fillIn } from '../core/template.js';
import type { RunContext } from './run-context.js';
import { runWords } from './run-words.js';
import { withCancel } from './sql-cancel.js';
import { SqlFailedError, SqlTransactionControlError } from './sql-errors.js';
import { sqlInput } from './sql-input.js';
import { transactionKeyword } from './sql-keyword.js';
import { inOwnTransaction, placeOf, refuseOther } from './sql-session.js';
import { runStatement, type SqlAnswer } from './sql-statement.js';
import { Task, type TaskHandler } from './task.decorator.js';

/** Runs one SQL statement on the service's database, in a transaction of its own. */
@Injectable()
@Task({
  name: 'sql',
  description: "Runs one SQL statement on the service's database, in a transaction of its own.",
  input: sqlInput,
})
export class SqlTask implements TaskHandler<typeof sqlInput> {
  constructor(@InjectDataSource() private readonly database: DataSource) {}

  /** Throws a Problem: SQL_FAILED or SQL_TRANSACTION_CONTROL; the signal's reason once that has aborted. */
  async run({ statement, values }: z.infer<typeof sqlInput>, context: RunContext): Promise<SqlAnswer> {
    const keyword = transactionKeyword(statement);
    if (keyword) throw new SqlTransactionControlError(`${keyword} is refused`);
    const filled = fillIn(values, runWords(context));
    try {
      return await inOwnTransaction(this.database, (client) => this.execute(client, statement, filled, context));
    } catch (error) {
      const cause: unknown = error instanceof QueryFailedError ? error.driverError : error;
      throw cause instanceof DatabaseError ? new SqlFailedError(cause) : error;
    }
  }

  private async execute(
    client: PoolClient,
    statement: string,
    values: unknown[],
    { signal, log }: RunContext,
  ): Promise<SqlAnswer> {
    const { options } = this.database;
    const url = options.type === 'postgres' ? options.url : undefined;
    const place = await placeOf(client);
    const failed = (error: unknown) => log.warn({ err: error }, 'statement could not be cancelled');
    const answer = await withCancel({ url, pid: place.pid, signal, failed }, () =>
      runStatement(client, statement, values),
    );
    await refuseOther(client, place);
    return answer;
  }
}
