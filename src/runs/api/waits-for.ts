import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import type { DocumentedObject } from '../../core/documented-schema.js';
import { rows } from '../../database/transaction.js';
import { isUnfinished, type Run } from '../lifecycle/run.entity.js';
import { isSchedulerPaused } from '../lifecycle/scheduler-paused.js';

const waitsForFields = {
  /** `held`: until another run of the job has ended. `retry_at`: for its next attempt. `paused`: the whole scheduler is paused.
   *  `unknown_task`: no live worker knows its task. `slot`: for a free slot of a worker. */
  code: z.enum(['held', 'retry_at', 'paused', 'unknown_task', 'slot']),
  /** For `held`: the run that it waits for. */
  run: z.uuid().nullable().describe('For held: the run that it waits for'),
  /** For `retry_at`, and for a pause with an end: until when. */
  at: z.date().nullable().describe('For retry_at, and for a pause with an end: until when'),
};
export const waitsForView: DocumentedObject<typeof waitsForFields, z.core.$strip> = z
  .object(waitsForFields)
  .meta({ id: 'WaitsFor', examples: [{ code: 'slot', run: null, at: null }] });
export type WaitsFor = z.output<typeof waitsForView>;

interface Facts {
  paused: boolean;
  pausedUntil: Date | null;
  known: boolean;
  isEarly: boolean;
  heldBy: string | null;
}

/** What a run waits for that has not started, or waits for a retry. Null: it does not wait. */
export async function waitsFor(tx: EntityManager, run: Run): Promise<WaitsFor | null> {
  if (run.state !== 'pending' && run.state !== 'retrying') return null;
  const [facts] = await rows<Facts>(tx, read, [
    run.task,
    run.nextAttemptAt,
    run.jobId,
    run.id,
    run.kind === 'catch_up',
  ]);
  const { paused, pausedUntil, known, isEarly, heldBy } = facts!;
  const waiting = (code: WaitsFor['code'], more: Partial<WaitsFor> = {}) => ({ code, run: null, at: null, ...more });
  if (run.held) return waiting('held', { run: heldBy });
  if (isEarly) return waiting('retry_at', { at: run.nextAttemptAt });
  if (paused) return waiting('paused', { at: pausedUntil });
  return waiting(known ? 'slot' : 'unknown_task');
}

// A held run waits for the runs of its lane that are not held, and the oldest of them is the one that it waits for.
const read = `
  SELECT ${isSchedulerPaused('scheduler')} AS paused, paused_until AS "pausedUntil",
    EXISTS (SELECT FROM tasks WHERE name = $1) AS known,
    COALESCE($2::timestamptz > statement_timestamp(), false) AS "isEarly",
    (SELECT id FROM runs WHERE job_id = $3 AND ${isUnfinished} AND id <> $4 AND (kind = 'catch_up') = $5 AND kind <> 'backfill'
       ORDER BY held, id LIMIT 1) AS "heldBy"
  FROM scheduler`;

/** The ids of the runs that repeat a run, the oldest first. */
export async function retriesOf(tx: EntityManager, id: string): Promise<string[]> {
  const found = await rows<{ id: string }>(tx, 'SELECT id FROM runs WHERE retry_of = $1 ORDER BY id LIMIT 100', [id]);
  return found.map((run) => run.id);
}
