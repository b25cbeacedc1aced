import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { Caller } from '../compute/caller.js';
import { Compute } from '../compute/compute.js';
import { Problem } from '../core/problem.js';
import { ApiDatabase } from '../database/api-database.js';
import { databaseNow } from '../database/database-now.js';
import { rows } from '../database/transaction.js';
import { cursorInstant, decodeCursor, encodeCursor, type Page } from '../http/page.js';
import { JobNotFoundError } from '../jobs/definition/job-errors.js';
import { LEDGER_START, LedgerCheck } from './ledger-check.js';
import type { ledgerCheckQuery, LedgerCheckView, ledgerItem, ledgerQuery } from './ledger.view.js';
import { readLedgerJobs, readLedgerState } from './read-ledger.js';

const HOUR_MS = 3_600_000;
const MAX_DAYS = 31;
/** The limits of one request. */
const LIMITS = { ms: 10_000, instants: 1_000_000 };

const position = z.tuple([cursorInstant, cursorInstant, z.uuid(), cursorInstant.nullable()]);
const pageCursor = z.tuple([cursorInstant, cursorInstant]);

type Item = z.output<typeof ledgerItem>;

@Injectable()
export class LedgerService {
  constructor(
    private readonly database: ApiDatabase,
    private readonly compute: Compute,
    private readonly ledgerCheck: LedgerCheck,
  ) {}

  /** Checks all jobs in a range, as far as one request may. Throws INVALID_PARAMETER, INVALID_CURSOR, TOO_MANY_WAITING and
   *  COMPUTATION_FAILED. */
  async check(caller: Caller, query: z.output<typeof ledgerCheckQuery>): Promise<LedgerCheckView> {
    const decoded = query.cursor === undefined ? null : decodeCursor(query.cursor, position);
    const asked = decoded ? { from: new Date(decoded[0]), to: new Date(decoded[1]) } : query;
    const range = await this.rangeOf(asked);
    const start = decoded
      ? { after: decoded[2], at: decoded[3] === null ? null : Date.parse(decoded[3]) }
      : LEDGER_START;
    const { next, findings, from, to, ...counts } = await this.ledgerCheck.check(caller, range, start, LIMITS);
    const times = [iso(range.from), iso(range.to)];
    return {
      ...counts,
      from: new Date(Math.min(from, to)),
      to: new Date(to),
      complete: next === null,
      nextCursor: next && encodeCursor([...times, next.after, next.at === null ? null : iso(next.at)]),
      findings: findings.map(({ at, ...finding }) => ({ ...finding, at: new Date(at) })),
    };
  }

  /** What became of each instant of the jobs that have had a name, in ascending order. Throws also JOB_NOT_FOUND. */
  async page(caller: Caller, name: string, query: z.output<typeof ledgerQuery>): Promise<Page<Item>> {
    const decoded = query.cursor === undefined ? null : decodeCursor(query.cursor, pageCursor);
    const asked = decoded ? { from: new Date(decoded[0]), to: new Date(decoded[1]) } : query;
    const { from, to } = await this.rangeOf(asked);
    for (let end = to; ; end = from + Math.floor((end - from) / 4)) {
      const part = { from, to: end };
      const { state, read } = await this.database.transaction(async (tx) => {
        const found = {
          state: await readLedgerState(tx, from),
          read: await readLedgerJobs(tx, { name }, { from, to }, part),
        };
        if (found.read.ids.length === 0) await refuseUnknown(tx, name);
        return found;
      });
      // Fewer instants in a shorter time. The rows of an hour are always read.
      if (read.tooMany && end - from > HOUR_MS) continue;
      const scope = { ...state, ...part };
      const items = await this.compute.pageOfLedger(caller, { jobs: read.jobs, scope, most: query.limit + 1 });
      const shown = items.slice(0, query.limit);
      const rest = items.length > query.limit ? items[query.limit]!.at : end < to ? end + 1 : null;
      return { items: shown.map(itemOf), nextCursor: rest === null ? null : encodeCursor([iso(rest), iso(to)]) };
    }
  }

  private async rangeOf({ from, to }: { from?: Date | undefined; to?: Date | undefined }) {
    const end = (to ?? (await this.database.transaction(databaseNow))).getTime();
    const range = { from: from ? from.getTime() : end - HOUR_MS, to: end };
    if (range.from > range.to) throw invalid('/from', 'Must not be after `to`');
    if (range.to - range.from > MAX_DAYS * 24 * HOUR_MS)
      throw invalid('/from', `Must be at most ${MAX_DAYS} days before \`to\``);
    return range;
  }
}

async function refuseUnknown(tx: Parameters<typeof databaseNow>[0], name: string): Promise<void> {
  const known = 'SELECT FROM job_versions WHERE job = $1 UNION ALL SELECT FROM jobs WHERE name = $1 LIMIT 1';
  if ((await rows(tx, known, [name])).length === 0) throw new JobNotFoundError(name);
}

const invalid = (path: string, message: string): Problem =>
  new Problem(400, 'INVALID_PARAMETER', `The request is not valid. ${path}: ${message}`, [{ path, message }]);

const iso = (ms: number) => new Date(ms).toISOString();

const itemOf = ({
  at,
  to,
  disposition,
  version,
  rows: found,
}: Awaited<ReturnType<Compute['pageOfLedger']>>[number]): Item => ({
  at: new Date(at),
  to: to === null ? null : new Date(to),
  disposition,
  version,
  runs: found.map(({ id, kind, state, reason, started }) => {
    const run = { id, kind, state, reason, startedAt: started === null ? null : new Date(started) };
    return run as Item['runs'][number];
  }),
});
