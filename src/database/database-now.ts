import type { EntityManager } from 'typeorm';
import { rows } from './transaction.js';

/** The database's current time, in milliseconds. Call it after the transaction has its locks: the time is then never earlier than the
 *  due times of the locked rows. */
export async function databaseNow(tx: EntityManager): Promise<Date> {
  const [row] = await rows<{ now: Date }>(tx, `SELECT date_trunc('milliseconds', statement_timestamp()) AS now`);
  return row!.now;
}
