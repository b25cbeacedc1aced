import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { ENVIRONMENT, type Environment } from '../config/environment.js';
import { rows, transaction } from '../database/transaction.js';
import type { RunContext } from '../tasks/run-context.js';
import { Task, type TaskHandler } from '../tasks/task.decorator.js';

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

// Attempts and logs go with their run. The list is made once: a subquery may be run again, past its limit.
const prune = `
  WITH pruned AS (
    DELETE FROM runs WHERE id = ANY (ARRAY(
      SELECT id FROM runs
      WHERE finished_at < statement_timestamp() - make_interval(days => $1)
        AND state NOT IN ('pending', 'running', 'retrying')
      ORDER BY finished_at LIMIT $2 FOR UPDATE SKIP LOCKED))
    RETURNING 1)
  SELECT count(*)::int AS deleted FROM pruned`;

/** Deletes the runs that ended longer ago than the retention, by the database's clock. Two prunings never wait for each other. */
@Injectable()
@Task({
  name: 'prune-runs',
  description: 'Deletes runs that ended longer ago than RUN_RETENTION_DAYS, with their logs.',
  input,
  jobs: {
    'prune-runs': { trigger: { type: 'cron', expression: '17 3 * * *', timeZone: 'UTC' }, timeoutSeconds: 3600 },
  },
})
export class PruneRuns implements TaskHandler<typeof input> {
  constructor(
    @InjectDataSource() private readonly database: DataSource,
    @Inject(ENVIRONMENT) private readonly environment: Pick<Environment, 'DATABASE_SCHEMA' | 'RUN_RETENTION_DAYS'>,
  ) {}

  /** A batch that is done stays so when the signal aborts before the next. */
  async run({ olderThanDays }: z.infer<typeof input>, { signal, log }: RunContext) {
    const days = olderThanDays ?? this.environment.RUN_RETENTION_DAYS;
    let deleted = 0;
    for (let batch = BATCH; batch === BATCH; deleted += batch) {
      signal.throwIfAborted();
      batch = await this.pruneBatch(days);
      log.debug({ deleted: batch }, 'batch of runs pruned');
    }
    return { deleted };
  }

  private pruneBatch(days: number): Promise<number> {
    return transaction(this.database, this.environment.DATABASE_SCHEMA, BATCH_TIMEOUT_MS, async (tx) => {
      const [answer] = await rows<{ deleted: number }>(tx, prune, [days, BATCH]);
      return answer?.deleted ?? 0;
    });
  }
}
