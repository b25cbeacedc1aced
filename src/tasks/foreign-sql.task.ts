import { Injectable } from '@nestjs/common';
import { Client, type ClientBase } from 'pg';
import { withCancel } from '../database/cancel-backend.js';
import type { RunContext } from './run-context.js';
import { runSql } from './run-sql.js';
import { SqlUnreachableError } from './sql-errors.js';
import { type SqlInput, sqlInput } from './sql-input.js';
import type { SqlAnswer } from './sql-statement.js';
import { Task, type TaskHandler } from './task.decorator.js';

/** Runs one SQL statement on another database than the service's own. What it writes commits before the run ends, so an
 *  attempt that is lost in between has written, and the next one writes again. */
@Injectable()
@Task({
  name: 'sql',
  description: 'Runs one SQL statement on the database of SQL_TASK_DATABASE_URL, in a transaction of its own.',
  input: sqlInput,
})
export class ForeignSqlTask implements TaskHandler<typeof sqlInput> {
  constructor(private readonly url: string) {}

  /** Throws a Problem: SQL_FAILED, SQL_TRANSACTION_CONTROL or SQL_UNREACHABLE. */
  run(input: SqlInput, context: RunContext): Promise<SqlAnswer> {
    return runSql(input, context, (work) => this.transaction(context, work));
  }

  /** In a session of its own, which leaves nothing behind for the next attempt. */
  private async transaction<T>({ signal, log }: RunContext, work: (client: ClientBase) => Promise<T>): Promise<T> {
    const client = new Client({
      connectionString: this.url,
      application_name: 'cronzimus sql',
      connectionTimeoutMillis: 10_000,
      keepAlive: true,
    });
    // Told by the statement that fails.
    client.on('error', () => undefined);
    await client.connect().catch((error: Error) => {
      throw new SqlUnreachableError(client, error);
    });
    try {
      await client.query('BEGIN');
      const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      const failed = (err: unknown) => log.warn({ err }, 'statement could not be cancelled');
      const result = await withCancel({ url: this.url, pid: rows[0]!.pid, signal, failed }, () => work(client));
      await client.query('COMMIT');
      return result;
    } finally {
      // Also rolls back what was not committed.
      await client.end();
    }
  }
}
