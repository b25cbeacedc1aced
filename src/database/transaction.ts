import type { DataSource, EntityManager } from 'typeorm';

const afterwards = new WeakMap<EntityManager, (() => void)[]>();

/** Runs `work` in one transaction on our schema, in which each statement ends after `timeoutMs`. */
export async function transaction<T>(
  source: DataSource,
  schema: string,
  timeoutMs: number,
  work: (tx: EntityManager) => Promise<T>,
): Promise<T> {
  const committed: (() => void)[] = [];
  const result = await source.transaction(async (tx) => {
    afterwards.set(tx, committed);
    // Local settings and no startup options: those may be refused by a pooler.
    // A process that is frozen within a transaction must not keep its locks.
    await tx.query(
      `SELECT set_config('statement_timeout', $1, true), set_config('idle_in_transaction_session_timeout', $1, true),
         set_config('search_path', $2, true)`,
      [String(timeoutMs), schema],
    );
    return work(tx);
  });
  for (const then of committed) then();
  return result;
}

/** Calls `then` when the transaction has committed, and never when it is rolled back. */
export const afterCommit = (tx: EntityManager, then: () => void): void => {
  afterwards.get(tx)?.push(then);
};

/** The rows that a statement answers, whatever its kind; the plain result of TypeORM is [rows, count] for some. */
export async function rows<T>(tx: EntityManager, statement: string, values: unknown[] = []): Promise<T[]> {
  const { records } = await tx.queryRunner!.query(statement, values, true);
  return records as T[];
}
