import type { ClientBase, PoolClient } from 'pg';
import type { DataSource } from 'typeorm';
import { SqlTransactionControlError } from './sql-errors.js';

/** Runs `work` in a transaction on one connection of the pool, which gets it back as it was: what a statement left in
 *  the session (settings, locks, temporary tables) is discarded. */
export async function inOwnTransaction<T>(source: DataSource, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const runner = source.createQueryRunner();
  try {
    const client: PoolClient = await runner.connect();
    try {
      return await runner.manager.transaction(() => work(client));
    } finally {
      // The pool drops a connection that has ended.
      await client.query('DISCARD ALL').catch(() => client.end());
    }
  } finally {
    await runner.release();
  }
}

export interface Place {
  pid: number;
  transaction: string;
}

export async function placeOf(client: ClientBase): Promise<Place> {
  const { rows } = await client.query<Place>(
    'SELECT pg_backend_pid() AS pid, pg_current_xact_id()::text AS transaction',
  );
  return rows[0]!;
}

/** Throws when the connection is no longer in the transaction of `before`: what was written since cannot be rolled back. */
export async function refuseOther(client: ClientBase, before: Place): Promise<void> {
  const { transaction } = await placeOf(client);
  if (transaction !== before.transaction)
    throw new SqlTransactionControlError('The statement has ended its transaction, and what it wrote may be stored');
}
