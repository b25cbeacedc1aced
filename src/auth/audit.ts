import type { EntityManager } from 'typeorm';
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
] as const;

export interface AuditEntry {
  action: (typeof auditActions)[number];
  /** A job's name, a run's id, or `scheduler`. */
  target: string;
  /** The name of the job that it is about; null for the scheduler. */
  job: string | null;
  /** What of the target is changed, as the tables have it: references to secrets stay references. Null: it was not there. */
  before: object | null;
  /** Null: it is gone. */
  after: object | null;
}

/** Writes down who did what, in the transaction of the change: there is never one without the other. */
export async function audit(tx: EntityManager, actor: Actor, ...entries: AuditEntry[]): Promise<void> {
  if (entries.length === 0) return;
  await tx.query(insert, [actor.name, actor.role, actor.origin, JSON.stringify(entries)]);
}

const insert = `
  INSERT INTO audit (at, by, role, origin, action, target, job, before, after)
  SELECT statement_timestamp(), $1, $2, $3, action, target, job, before, after
  FROM jsonb_to_recordset($4::jsonb) AS entry (action text, target text, job text, before jsonb, after jsonb)`;
