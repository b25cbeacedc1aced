import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource, EntityManager } from 'typeorm';
import { z } from 'zod';
import { pruneAudit } from '../../auth/audit.js';
import { ENVIRONMENT, type Environment } from '../../config/environment.js';
import { limit, rows } from '../../database/transaction.js';
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
    .describe('In days since the end; RUN_RETENTION_DAYS unless told.'),
});

const keptSince = 'statement_timestamp() - make_interval(days => $1)';
// Found by id, since what ended before was queued before. Attempts and logs go with their run. The list is made once: a subquery
// may be run again, past its limit.
const prune = `
  WITH pruned AS (
    DELETE FROM runs WHERE id = ANY (ARRAY(
      SELECT id FROM runs
      WHERE id < ${firstIdAtSql(keptSince)} AND finished_at < ${keptSince}
        AND NOT ${isUnfinished}
      ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED))
    RETURNING 1)
  SELECT count(*)::int AS deleted FROM pruned`;

const forget = `
  DELETE FROM idempotency_keys WHERE key = ANY (ARRAY(
    SELECT key FROM idempotency_keys WHERE created_at < statement_timestamp() - interval '24 hours'
    ORDER BY created_at LIMIT $1 FOR UPDATE SKIP LOCKED))
  RETURNING key`;

/** Deletes the runs that ended, and the entries of the audit that were made, longer ago than their retention, by the
 *  database's clock. Two prunings never wait for each other. */
@Injectable()
@Task({
  name: 'prune-runs',
  description:
    'Deletes runs that ended longer ago than RUN_RETENTION_DAYS, with their logs, and entries of the audit that are older than AUDIT_RETENTION_DAYS.',
  input,
  jobs: {
    'prune-runs': { trigger: { type: 'cron', expression: '17 3 * * *', timeZone: 'UTC' }, timeoutSeconds: 3600 },
  },
})
export class PruneRuns implements TaskHandler<typeof input> {
  constructor(
    @InjectDataSource() private readonly database: DataSource,
    @Inject(ENVIRONMENT)
    private readonly environment: Pick<Environment, 'DATABASE_SCHEMA' | 'RUN_RETENTION_DAYS' | 'AUDIT_RETENTION_DAYS'>,
  ) {}

  async run({ olderThanDays }: z.infer<typeof input>, { signal, log }: RunContext) {
    const { RUN_RETENTION_DAYS, AUDIT_RETENTION_DAYS } = this.environment;
    const days = olderThanDays ?? RUN_RETENTION_DAYS;
    const deleted = await this.inBatches(signal, async (tx) => {
      const batch = await pruneRuns(tx, days);
      log.debug({ deleted: batch }, 'batch of runs pruned');
      return batch;
    });
    const auditDeleted = await this.inBatches(signal, (tx) => pruneAudit(tx, AUDIT_RETENTION_DAYS, BATCH));
    await this.inBatches(signal, forgetKeys);
    return { deleted, auditDeleted };
  }

  /** A batch that is done stays so when the signal aborts before the next. */
  private async inBatches(signal: AbortSignal, pruneBatch: (tx: EntityManager) => Promise<number>): Promise<number> {
    let deleted = 0;
    for (let batch = BATCH; batch === BATCH; deleted += batch) {
      signal.throwIfAborted();
      batch = await this.database.transaction(async (tx) => {
        await limit(tx, BATCH_TIMEOUT_MS, this.environment.DATABASE_SCHEMA);
        return pruneBatch(tx);
      });
    }
    return deleted;
  }
}

async function pruneRuns(tx: EntityManager, olderThanDays: number): Promise<number> {
  const [answer] = await rows<{ deleted: number }>(tx, prune, [olderThanDays, BATCH]);
  return answer?.deleted ?? 0;
}

async function forgetKeys(tx: EntityManager): Promise<number> {
  const forgotten = await rows(tx, forget, [BATCH]);
  return forgotten.length;
}
