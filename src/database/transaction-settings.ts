import { escapeLiteral } from 'pg';
import type { EntityManager } from 'typeorm';

/** The role, the database or the server may have other defaults, with which our statements would fail or return something else. */
const DEFAULTS = {
  // `timeoutMs` limits the waits for locks too.
  lock_timeout: '0',
  standard_conforming_strings: 'on',
  extra_float_digits: '1',
  array_nulls: 'on',
};

/** Sets what our statements rely on, for the current transaction only, because a pooler may reject settings as startup options, and
 *  may give the session to another client afterwards. `timeoutMs` limits each statement, and each pause between two statements,
 *  so that a process frozen within a transaction does not keep its locks. */
export const settingsFor = (timeoutMs: number, schema: string): string =>
  select({
    ...DEFAULTS,
    statement_timeout: String(timeoutMs),
    idle_in_transaction_session_timeout: String(timeoutMs),
    search_path: schema,
  });

/** Our settings for the last statements of an attempt's transaction. The timeouts of the attempt stay. */
export const settingsAfterTask = (schema: string): string =>
  `${select({ ...DEFAULTS, search_path: schema })}, ${resetTransactionDefaults}`;

/** SQL that undoes what a task has set for the later transactions of its session. Behind a pooler, the next of them may be another
 *  client's, before a later statement could undo it. */
export const resetTransactionDefaults = `set_config('default_transaction_read_only', NULL, false),
  set_config('default_transaction_isolation', NULL, false), set_config('default_transaction_deferrable', NULL, false)`;

/** The isolation that all our transactions need. Later statements must see what others have committed while earlier ones waited for
 *  locks. It has to come before any other statement of the transaction. */
export const READ_COMMITTED = 'SET TRANSACTION ISOLATION LEVEL READ COMMITTED';

/** SQL: the settings for statements of tasks. pg reads dates in ISO format only; the order of day and month in input stays. The task
 *  `sql` reads statements as PostgreSQL does by default, and returns all digits of numbers. */
export const taskSettings = `set_config('datestyle', 'ISO', true), set_config('standard_conforming_strings', 'on', true),
  set_config('extra_float_digits', '1', true)`;

/** SQL that removes a limit for the whole transaction, which PostgreSQL has from version 17 on. */
export const noTransactionTimeout = `CASE WHEN current_setting('transaction_timeout', true) IS NOT NULL
  THEN set_config('transaction_timeout', '0', true) END`;

/** Sends our settings and the isolation in one message. Call it first in a transaction. */
export const applySettings = (tx: EntityManager, timeoutMs: number, schema: string): Promise<unknown> =>
  tx.query(`${READ_COMMITTED}; ${settingsFor(timeoutMs, schema)}`);

const select = (settings: Record<string, string>): string => {
  const calls = Object.entries(settings).map(([name, value]) => `set_config('${name}', ${escapeLiteral(value)}, true)`);
  return `SELECT ${calls.join(', ')}, ${noTransactionTimeout}`;
};
