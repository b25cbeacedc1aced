import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { Caller } from '../compute/caller.js';
import { type LedgerCounts, NO_COUNTS } from '../compute/ledger.js';
import { SchedulerDatabase } from '../database/scheduler-database.js';
import { ApiDatabase } from '../database/api-database.js';
import { databaseNow } from '../database/database-now.js';
import { rows } from '../database/transaction.js';
import { keepUnrecorded } from '../jobs/history/job-versions.js';
import type { RunContext } from '../tasks/run-context.js';
import { Task, type TaskHandler } from '../tasks/task.decorator.js';
import { type CheckedLedger, LEDGER_START, LedgerCheck } from './ledger-check.js';

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
    const { findings, from, to, next: _next, ...counts } = await this.checkAll({ key: LEDGER_JOB, signal }, range);
    const shown = findings.map(({ at, ...finding }) => ({ ...finding, at: new Date(at).toISOString() }));
    if (counts.unexplained + counts.lost + counts.doubled > 0)
      log.warn({ ...counts, findings: shown.slice(0, 10) }, 'the ledger has gaps or doubled occurrences');
    return { from: new Date(from).toISOString(), to: new Date(to).toISOString(), ...counts, findings: shown };
  }

  private async checkAll(caller: Caller, range: { from: number; to: number }): Promise<CheckedLedger> {
    const total = await this.ledger.check(caller, range, LEDGER_START, PART);
    while (total.next) {
      const part = await this.ledger.check(caller, range, total.next, PART);
      for (const key of [...Object.keys(NO_COUNTS), 'jobs'] as (keyof LedgerCounts | 'jobs')[]) total[key] += part[key];
      total.findings.push(...part.findings.slice(0, MAX_FINDINGS - total.findings.length));
      total.next = part.next;
    }
    return total;
  }
}

/** Each part gives way to checks of requests. The timeout of the job ends a check that takes too long. */
const PART = { ms: 10_000, instants: 1_000_000 };
const MAX_FINDINGS = 100;

/** Among the last runs, so that it is found at once where there are many. */
const lastCheck = `
  SELECT output->>'to' AS to FROM (SELECT state, output FROM runs WHERE job = $1 ORDER BY id DESC LIMIT 100) AS run
  WHERE state = 'succeeded' LIMIT 1`;
