import { Injectable } from '@nestjs/common';
import { DatabaseError, type PoolClient } from 'pg';
import { QueryFailedError } from 'typeorm';
import { z } from 'zod';
import { fillIn } from '../core/template.js';
import type { RunContext } from './run-context.js';
import { runWords } from './run-words.js';
import { SqlFailedError, SqlTransactionControlError } from './sql-errors.js';
import { sqlInput } from './sql-input.js';
import { transactionKeyword } from './sql-keyword.js';
import { runStatement, type SqlAnswer } from './sql-statement.js';
import { Task, type TaskHandler } from './task.decorator.js';

/** Runs one SQL statement on the service's database; what it writes commits together with the run. */
@Injectable()
@Task({
  name: 'sql',
  description: "Runs one SQL statement on the service's database; what it writes commits together with the run.",
  transactional: true,
  input: sqlInput,
})
export class SqlTask implements TaskHandler<typeof sqlInput> {
  /** Throws a Problem: SQL_FAILED or SQL_TRANSACTION_CONTROL. */
  async run({ statement, values }: z.infer<typeof sqlInput>, context: RunContext): Promise<SqlAnswer> {
    const keyword = transactionKeyword(statement);
    if (keyword) throw new SqlTransactionControlError(`${keyword} is refused`);
    const filled = fillIn(values, runWords(context));
    try {
      return await context.transaction(async (tx) => {
        const client: PoolClient = await tx.queryRunner!.connect();
        return runStatement(client, statement, filled);
      });
    } catch (error) {
      const cause: unknown = error instanceof QueryFailedError ? error.driverError : error;
      throw cause instanceof DatabaseError ? new SqlFailedError(cause) : error;
    }
  }
}
