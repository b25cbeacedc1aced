import type { EntityManager } from 'typeorm';
import { rows } from '../database/transaction.js';

/** Deletes up to `limit` entries that are older, and answers how many. The table refuses any other way of deleting. */
export async function pruneAudit(tx: EntityManager, olderThanDays: number, limit: number): Promise<number> {
  await tx.query(`SELECT set_config('cronzimus.audit_retention_days', $1, true)`, [String(olderThanDays)]);
  const [answer] = await rows<{ deleted: number }>(tx, prune, [olderThanDays, limit]);
  return answer?.deleted ?? 0;
}

const prune = `
  WITH pruned AS (
    DELETE FROM audit WHERE id = ANY (ARRAY(
      SELECT id FROM audit WHERE at < statement_timestamp() - make_interval(days => $1)
      ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED))
    RETURNING 1)
  SELECT count(*)::int AS deleted FROM pruned`;
