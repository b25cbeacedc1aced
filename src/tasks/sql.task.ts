import { Injectable } from '@nestjs/common';
import type { PoolClient } from 'pg';
import type { RunContext } from './run-context.js';
import { type SqlInput, sqlInput } from './sql-input.js';
import { runSql } from './run-sql.js';
import type { SqlAnswer } from './sql-statement.js';
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
  run(input: SqlInput, context: RunContext): Promise<SqlAnswer> {
    return runSql(input, context, (work) =>
      context.transaction(async (tx) => work((await tx.queryRunner!.connect()) as PoolClient)),
    );
  }
}
