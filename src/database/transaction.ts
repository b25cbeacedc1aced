import type { DataSource, EntityManager } from 'typeorm';

/** Runs `work` in one transaction on our schema, in which each statement ends after `timeoutMs`. */
export function transaction<T>(
  source: DataSource,
  schema: string,
  timeoutMs: number,
  work: (tx: EntityManager) => Promise<T>,
): Promise<T> {
  return source.transaction(async (tx) => {
    // Local settings and no startup options: those may be refused by a pooler.
    // A process that is frozen within a transaction must not keep its locks.
    await tx.query(
      `SELECT set_config('statement_timeout', $1, true), set_config('idle_in_transaction_session_timeout', $1, true),
         set_config('search_path', $2, true)`,
      [String(timeoutMs), schema],
    );
    return work(tx);
  });
}

/** The rows that a statement answers, whatever its kind; the plain result of TypeORM is [rows, count] for some. */
export async function rows<T>(tx: EntityManager, statement: string, values: unknown[] = []): Promise<T[]> {
  const { records } = await tx.queryRunner!.query(statement, values, true);
  return records as T[];
}
