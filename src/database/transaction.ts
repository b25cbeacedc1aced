import { setImmediate as nextTurn } from 'node:timers/promises';
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';

const afterwards = new WeakMap<EntityManager, (() => void)[]>();

/** Runs `work` in one transaction on our schema, in which each statement ends after `timeoutMs`. The pool's connections are
 *  pipelined: BEGIN and the settings share a round trip with the first statement of `work`. */
export async function transaction<T>(
  source: DataSource,
  schema: string,
  timeoutMs: number,
  work: (tx: EntityManager) => Promise<T>,
): Promise<T> {
  const committed: (() => void)[] = [];
  const runner = source.createQueryRunner();
  afterwards.set(runner.manager, committed);
  let result: T;
  try {
    result = await begun(runner, timeoutMs, schema, work);
    await runner.commitTransaction();
  } catch (error) {
    // Where the connection is lost, there is nothing to roll back.
    await runner.rollbackTransaction().catch(() => {});
    throw error;
  } finally {
    await runner.release();
  }
  for (const then of committed) then();
  return result;
}

async function begun<T>(
  runner: QueryRunner,
  timeoutMs: number,
  schema: string,
  work: (tx: EntityManager) => Promise<T>,
): Promise<T> {
  const tx = runner.manager;
  await runner.connect();
  const begin = runner.startTransaction();
  // Heeded below; a connection may end before that.
  begin.catch(() => {});
  // TypeORM sends BEGIN a few microtasks later; what is sent after this turn comes behind it.
  await nextTurn();
  const [, , result] = await Promise.all([begin, limit(tx, timeoutMs, schema), work(tx)]);
  return result;
}

/** Begins a transaction on our schema, in which each statement ends after `timeoutMs`. */
export const limit = (tx: EntityManager, timeoutMs: number, schema: string): Promise<unknown> =>
  // Local settings and no startup options: those may be refused by a pooler.
  // A process that is frozen within a transaction must not keep its locks.
  tx.query(
    `SELECT set_config('statement_timeout', $1, true), set_config('idle_in_transaction_session_timeout', $1, true),
       set_config('search_path', $2, true)`,
    [String(timeoutMs), schema],
  );

/** Calls `then` when the transaction has committed, and never when it is rolled back. */
export const afterCommit = (tx: EntityManager, then: () => void): void => {
  afterwards.get(tx)?.push(then);
};

/** The rows that a statement answers, whatever its kind; the plain result of TypeORM is [rows, count] for some. */
export async function rows<T>(tx: EntityManager, statement: string, values: unknown[] = []): Promise<T[]> {
  const { records } = await tx.queryRunner!.query(statement, values, true);
  return records as T[];
}
