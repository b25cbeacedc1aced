import type { EntityManager } from 'typeorm';
import { rows } from '../database/transaction.js';
import type { Actor } from './actor.js';

export const auditActions = [
  'job.create',
  'job.update',
  'job.delete',
  'job.pause',
  'job.resume',
  'job.run',
  'job.backfill',
  'backfill.cancel',
  'run.cancel',
  'run.retry',
  'scheduler.pause',
  'scheduler.resume',
  'alert.acknowledge',
  'alert.mute',
  'channel.test',
] as const;

export interface AuditEntry {
  action: (typeof auditActions)[number];
  /** A job's name, the id of a run or an incident, a channel's name, or `scheduler`. */
  target: string;
  /** The name of the affected job. Null for the scheduler and for channels. */
  job: string | null;
  /** The fields that change, with their stored values: references to secrets are not resolved. Null when the target did not exist. */
  before: object | null;
  /** The new values of these fields. Null when the target no longer exists. */
  after: object | null;
}

/** Who ends a pause that has an end. */
export const ENDED_BY_ITSELF: Actor = { name: 'scheduler', role: null, origin: null };

/** Records who changed what. Call it in the transaction of the change, so that neither is stored without the other. */
export async function audit(tx: EntityManager, actor: Actor, ...entries: AuditEntry[]): Promise<void> {
  if (entries.length === 0) return;
  await tx.query(insert, [actor.name, actor.role, actor.origin, JSON.stringify(entries)]);
}

const insert = `
  INSERT INTO audit (at, by, role, origin, action, target, job, before, after)
  SELECT statement_timestamp(), $1, $2, $3, action, target, job, before, after
  FROM jsonb_to_recordset($4::jsonb) AS entry (action text, target text, job text, before jsonb, after jsonb)`;

/** Deletes up to `limit` entries that are older than `olderThanDays`. Returns the number of deleted entries. A trigger of the table
 *  rejects deletes in any transaction that has not set the retention as this one does. */
export async function pruneAudit(tx: EntityManager, olderThanDays: number, limit: number): Promise<number> {
  await tx.query(`SELECT set_config('cronzimus.audit_retention_days', $1, true)`, [String(olderThanDays)]);
  const [pruned] = await rows<{ deleted: number }>(tx, prune, [olderThanDays, limit]);
  return pruned?.deleted ?? 0;
}

const prune = `
  WITH pruned AS (
    DELETE FROM audit WHERE id = ANY (ARRAY(
      SELECT id FROM audit WHERE at < statement_timestamp() - make_interval(days => $1)
      ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED))
    RETURNING 1)
  SELECT count(*)::int AS deleted FROM pruned`;
