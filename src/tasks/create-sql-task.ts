import type { PinoLogger } from 'nestjs-pino';
import { Client } from 'pg';
import type { Environment } from '../config/environment.js';
import { isLoopback } from '../core/ip.js';
import { endSession } from '../database/cancel-backend.js';
import { databaseSocket } from '../database/database-socket.js';
import { SqlRoleRefusedError } from './sql-errors.js';
import { checkRole } from './sql-role.js';
import { ForeignSqlTask, SqlTask } from './sql.task.js';

/** How long the start waits for the database of SQL_TASK_DATABASE_URL. */
const CONNECT_WITHIN_MS = 3_000;

/** The task sql for these settings, or null when there is none. Throws SQL_ROLE_REFUSED when the role of SQL_TASK_DATABASE_URL can
 *  use files or programs of the database server. If nobody has chosen that role, the task is left out with a warning instead. */
export async function createSqlTask(
  { HOST, ROLES, TASKS_DISABLED, DATABASE_URL, SQL_TASK_DATABASE_URL: chosen }: Environment,
  logger: PinoLogger,
): Promise<SqlTask | ForeignSqlTask | null> {
  if (TASKS_DISABLED.includes('sql')) return null;
  if (chosen !== undefined && chosen !== 'self') {
    const refusal = ROLES.includes('worker') ? await refusalOf(chosen) : undefined;
    if (refusal) throw refusal;
    return new ForeignSqlTask(chosen);
  }
  if (chosen === undefined && !isLoopback(HOST)) return null;
  const refusal = await refusalOf(DATABASE_URL);
  if (!refusal) return new SqlTask();
  if (chosen !== undefined) throw refusal;
  logger.warn({ err: refusal }, 'there is no sql task');
  return null;
}

/** Undefined when the role may run the task, and when the database cannot be reached: each run checks the role again. */
async function refusalOf(connectionString: string): Promise<SqlRoleRefusedError | undefined> {
  const client = new Client({
    connectionString,
    application_name: 'cronzimus sql',
    connectionTimeoutMillis: CONNECT_WITHIN_MS,
    query_timeout: CONNECT_WITHIN_MS,
    stream: () => databaseSocket(),
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await checkRole(client);
    return undefined;
  } catch (error) {
    return error instanceof SqlRoleRefusedError ? error : undefined;
  } finally {
    await endSession(client);
  }
}
