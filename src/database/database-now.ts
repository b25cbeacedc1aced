import type { EntityManager } from 'typeorm';
import { rows } from './transaction.js';

/** The instant by which a transaction decides; taken after its locks, so that it is never before what was due. */
export async function databaseNow(tx: EntityManager): Promise<Date> {
  const [row] = await rows<{ now: Date }>(tx, `SELECT date_trunc('milliseconds', statement_timestamp()) AS now`);
  return row!.now;
}
