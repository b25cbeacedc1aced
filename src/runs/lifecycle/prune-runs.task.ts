import { Inject, Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { z } from 'zod';
import { pruneAudit } from '../../auth/audit.js';
import { ENVIRONMENT, type Environment } from '../../config/environment.js';
import { type DatabaseSettings, dataSourceOptions } from '../../database/data-source.js';
import { rows } from '../../database/transaction.js';
import { applySettings } from '../../database/transaction-settings.js';
import type { RunContext } from '../../tasks/run-context.js';
import { Task, type TaskHandler } from '../../tasks/task.decorator.js';
import { isUnfinished } from './run.entity.js';
import { firstIdAtSql } from './run-ids.js';

const BATCH = 5_000;
const BATCH_TIMEOUT_MS = 55_000;

const input = z.strictObject({
  olderThanDays: z
    .int()
    .min(1)
    .max(36_500)
    .optional()
    .describe('Deletes runs that ended more than this many days ago. Default: RUN_RETENTION_DAYS'),
});

const keptSince = 'statement_timestamp() - make_interval(days => $1)';
// A run that ended before an instant was queued before it, and ids have the order of queued_at. So the primary key
// finds these runs without an index on finished_at. Attempts and logs are deleted by their foreign keys. SKIP LOCKED
// makes two prunings share the work instead of waiting for each other. ARRAY(…) is evaluated once. IN (subquery) may be
// evaluated again, and would then delete more than the limit.
const prune = `
  WITH pruned AS (
    DELETE FROM runs WHERE id = ANY (ARRAY(
      SELECT id FROM runs
      WHERE id < ${firstIdAtSql(keptSince)} AND finished_at < ${keptSince}
        AND NOT ${isUnfinished}
      ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED))
    RETURNING 1)
  SELECT count(*)::int AS deleted FROM pruned`;

// Remembered, so that what is not there any more is not taken for lost.
const recordBound = `UPDATE history_bounds SET pruned_until = greatest(pruned_until, ${keptSince})`;

const pruneKeys = `
  DELETE FROM idempotency_keys WHERE key = ANY (ARRAY(
    SELECT key FROM idempotency_keys WHERE created_at < statement_timestamp() - interval '24 hours'
    ORDER BY created_at LIMIT $1 FOR UPDATE SKIP LOCKED))
  RETURNING key`;

/** Deletes runs and audit entries that are older than their retention by the database's clock, and expired idempotency
 *  keys. Each batch is a transaction of its own, so a large backlog holds no locks for long. */
@Injectable()
@Task({
  name: 'prune-runs',
  description:
    'Deletes runs that ended more than RUN_RETENTION_DAYS ago, with their logs and the definitions and pauses of that time, and audit entries that are older than AUDIT_RETENTION_DAYS.',
  input,
  jobs: {
    'prune-runs': { trigger: { type: 'cron', expression: '17 3 * * *', timeZone: 'UTC' }, timeoutSeconds: 3600 },
  },
})
export class PruneRuns implements TaskHandler<typeof input> {
  private others: PruneOthers[] = [];

  constructor(
    @Inject(ENVIRONMENT)
    private readonly environment: DatabaseSettings & Pick<Environment, 'RUN_RETENTION_DAYS' | 'AUDIT_RETENTION_DAYS'>,
  ) {}

  /** Registers other tables with rows that are kept as long as runs. Throws when it is called a second time. */
  alsoPrune(...others: PruneOthers[]): void {
    if (this.others.length > 0) throw new Error('prune-runs knows its other tables already');
    this.others = others;
  }

  async run({ olderThanDays }: z.infer<typeof input>, { signal, log }: RunContext) {
    const { RUN_RETENTION_DAYS, AUDIT_RETENTION_DAYS } = this.environment;
    const days = olderThanDays ?? RUN_RETENTION_DAYS;
    // A connection of its own, so that it never waits for the tasks of users.
    const database = await new DataSource(dataSourceOptions(this.environment, 'prune', 1)).initialize();
    const inBatches = (pruneBatch: PruneBatch) => this.inBatches(database, signal, pruneBatch);
    try {
      const deleted = await inBatches(async (tx) => {
        const batch = await pruneRuns(tx, days);
        log.debug({ deleted: batch }, 'batch of runs pruned');
        return batch;
      });
      const auditDeleted = await inBatches((tx) => pruneAudit(tx, AUDIT_RETENTION_DAYS, BATCH));
      for (const pruneOthers of this.others) await inBatches((tx) => pruneOthers(tx, days, BATCH));
      await inBatches(pruneExpiredKeys);
      return { deleted, auditDeleted };
    } finally {
      await database.destroy();
    }
  }

  /** Repeats `pruneBatch` until a batch is not full, and returns how many rows were deleted. When the signal aborts,
   *  the batches before that stay committed. */
  private async inBatches(database: DataSource, signal: AbortSignal, pruneBatch: PruneBatch): Promise<number> {
    let deleted = 0;
    for (let batch = BATCH; batch === BATCH; deleted += batch) {
      signal.throwIfAborted();
      batch = await database.transaction(async (tx) => {
        await applySettings(tx, BATCH_TIMEOUT_MS, this.environment.DATABASE_SCHEMA);
        return pruneBatch(tx);
      });
    }
    return deleted;
  }
}

/** Deletes one batch and returns how many rows that were. */
type PruneBatch = (tx: EntityManager) => Promise<number>;
/** Deletes up to `limit` rows that ended more than this many days ago. Returns how many rows that were. */
type PruneOthers = (tx: EntityManager, olderThanDays: number, limit: number) => Promise<number>;

async function pruneRuns(tx: EntityManager, olderThanDays: number): Promise<number> {
  await tx.query(recordBound, [olderThanDays]);
  const [row] = await rows<{ deleted: number }>(tx, prune, [olderThanDays, BATCH]);
  return row?.deleted ?? 0;
}

async function pruneExpiredKeys(tx: EntityManager): Promise<number> {
  const deleted = await rows(tx, pruneKeys, [BATCH]);
  return deleted.length;
}
