import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { SchedulerDatabase } from '../database/scheduler-database.js';
import { ApiDatabase } from '../database/api-database.js';
import { databaseNow } from '../database/database-now.js';
import { rows } from '../database/transaction.js';
import { keepUnrecorded } from '../jobs/history/job-versions.js';
import type { RunContext } from '../tasks/run-context.js';
import { Task, type TaskHandler } from '../tasks/task.decorator.js';
import { LEDGER_START, LedgerCheck } from './ledger-check.js';

const HOUR_MS = 3_600_000;
/** A check goes back to the end of the last one, but not further than this. */
const MAX_HOURS = 24;
const BATCH = 500;
export const LEDGER_JOB = 'ledger.check';

const input = z.strictObject({});

/** Checks the ledger of the hours since the last check, up to the last full hour. What it finds is in its output, in a warning of the log,
 *  and in metrics. */
@Injectable()
@Task({
  name: 'check-ledger',
  description: 'Checks that each occurrence of the last hour has exactly one row, and that there are no other rows.',
  input,
  jobs: {
    [LEDGER_JOB]: { trigger: { type: 'cron', expression: '11 * * * *', timeZone: 'UTC' }, timeoutSeconds: 1800 },
  },
})
export class CheckLedger implements TaskHandler<typeof input> {
  constructor(
    private readonly database: ApiDatabase,
    private readonly scheduler: SchedulerDatabase,
    private readonly ledger: LedgerCheck,
  ) {}

  async run(_input: z.infer<typeof input>, { signal, log }: RunContext) {
    for (let kept = BATCH; kept === BATCH;) kept = await this.scheduler.transaction((tx) => keepUnrecorded(tx, BATCH));
    const range = await this.database.transaction(async (tx) => {
      const now = (await databaseNow(tx)).getTime();
      const to = Math.floor(now / HOUR_MS) * HOUR_MS - 1;
      const [last] = await rows<{ to: string | null }>(tx, lastCheck, [LEDGER_JOB]);
      const from = Math.max(to + 1 - MAX_HOURS * HOUR_MS, last?.to ? Date.parse(last.to) + 1 : to + 1 - HOUR_MS);
      return { from: Math.min(from, to + 1 - HOUR_MS), to };
    });
    const caller = { key: LEDGER_JOB, signal };
    const { next: _next, ...total } = await this.ledger.check(caller, range, LEDGER_START, NO_LIMITS);
    const { findings, from, to, ...counts } = total;
    const shown = findings.map(({ at, ...finding }) => ({ ...finding, at: new Date(at).toISOString() }));
    if (counts.unexplained + counts.doubled > 0)
      log.warn({ ...counts, findings: shown.slice(0, 10) }, 'the ledger has gaps or doubled occurrences');
    return { from: new Date(from).toISOString(), to: new Date(to).toISOString(), ...counts, findings: shown };
  }
}

/** The timeout of the job ends a check that takes too long. */
const NO_LIMITS = { ms: Infinity, instants: Infinity };

/** Among the last runs, so that it is found at once where there are many. */
const lastCheck = `
  SELECT output->>'to' AS to FROM (SELECT state, output FROM runs WHERE job = $1 ORDER BY id DESC LIMIT 100) AS run
  WHERE state = 'succeeded' LIMIT 1`;
