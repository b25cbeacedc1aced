import { setImmediate as nextTurn } from 'node:timers/promises';
import type { PoolClient } from 'pg';
import type { ServiceClient } from './pooled-client.js';
import { applySettings } from './transaction-settings.js';
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';

/** Per transaction, what `afterCommit` has registered. */
const commitListeners = new WeakMap<EntityManager, (() => void)[]>();

/** Runs `work` in a transaction on our schema and returns its result. PostgreSQL aborts a statement that takes longer than
 *  `timeoutMs`. When `work` or the commit fails, the transaction is rolled back and the error is thrown. The pool's connections are
 *  pipelined: BEGIN and the settings share a round trip with the first statement of `work`. */
export async function transaction<T>(
  source: DataSource,
  schema: string,
  timeoutMs: number,
  work: (tx: EntityManager) => Promise<T>,
): Promise<T> {
  const listeners: (() => void)[] = [];
  const runner = source.createQueryRunner();
  commitListeners.set(runner.manager, listeners);
  let result: T;
  try {
    result = await beginAndRun(runner, timeoutMs, schema, work);
    await runner.commitTransaction();
  } catch (error) {
    // The rollback fails if the connection is lost. PostgreSQL has then rolled back by itself.
    await runner.rollbackTransaction().catch(() => {});
    throw error;
  } finally {
    await runner.release();
  }
  for (const listener of listeners) listener();
  return result;
}

/** Sends BEGIN and the settings, and calls `work` without waiting for their responses. */
async function beginAndRun<T>(
  runner: QueryRunner,
  timeoutMs: number,
  schema: string,
  work: (tx: EntityManager) => Promise<T>,
): Promise<T> {
  const tx = runner.manager;
  // In case the connection dies silently.
  ((await runner.connect()) as ServiceClient).outwait(timeoutMs);
  const begin = runner.startTransaction();
  // `Promise.all` below handles the error. BEGIN may fail before that, which must not count as an unhandled rejection.
  begin.catch(() => {});
  // TypeORM sends BEGIN a few microtasks later. Statements sent after this turn of the event loop follow it.
  await nextTurn();
  const [, , result] = await Promise.all([begin, applySettings(tx, timeoutMs, schema), work(tx)]);
  return result;
}

/** Sends statements that do not need each other's results, in this order, and returns their results. On a pipelined connection they
 *  share a round trip. On any other one, each is sent after the previous one has ended. The first error is thrown, and the statements
 *  after it change nothing, because PostgreSQL refuses them. */
export async function together<T extends readonly (() => unknown)[]>(
  tx: EntityManager,
  ...statements: T
): Promise<{ -readonly [K in keyof T]: Awaited<ReturnType<T[K]>> }> {
  const { pipeline } = (await tx.queryRunner!.connect()) as PoolClient & { pipeline: boolean };
  const results: unknown[] = [];
  if (pipeline) results.push(...(await Promise.all(statements.map((send) => send()))));
  else for (const send of statements) results.push(await send());
  return results as { -readonly [K in keyof T]: Awaited<ReturnType<T[K]>> };
}

/** Calls `listener` after the transaction has committed. Never calls it if the transaction is rolled back. */
export const afterCommit = (tx: EntityManager, listener: () => void): void => {
  commitListeners.get(tx)?.push(listener);
};

/** Returns the rows of any statement. TypeORM's own result would be [rows, count] for UPDATE and DELETE. */
export async function rows<T>(tx: EntityManager, statement: string, values: unknown[] = []): Promise<T[]> {
  const { records } = await tx.queryRunner!.query(statement, values, true);
  return records as T[];
}
