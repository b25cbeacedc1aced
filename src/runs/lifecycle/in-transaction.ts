import type { Db } from 'pg-boss';
import type { EntityManager } from 'typeorm';
import { rows } from '../../database/transaction.js';

/** Runs pg-boss's statements inside our transaction: a ticket commits with our rows, or not at all. */
export const inTransaction = (tx: EntityManager): Db => ({
  executeSql: async (text, values) => ({ rows: await rows<unknown>(tx, text, values) }),
});
