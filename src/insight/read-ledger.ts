import type { EntityManager } from 'typeorm';
import type { LedgerScope } from '../compute/ledger.js';
import { rows } from '../database/transaction.js';
import { isSchedulerPaused } from '../runs/lifecycle/scheduler-paused.js';

/** The most rows of `runs` that are read at once. A job has at most 36,000 occurrences an hour. */
const MAX_ROWS = 50_000;

export type LedgerState = Pick<LedgerScope, 'now' | 'schedulerPaused' | 'prunedUntil' | 'losses'>;

/** Read before the jobs, so that everything that is due by this clock was due before their rows are read. `from`: the losses of data that
 *  ended before it are left out. */
export async function readLedgerState(tx: EntityManager, from: number): Promise<LedgerState> {
  const [state] = await rows<LedgerState>(tx, selectState, [new Date(from)]);
  return state!;
}

const ms = (column: string) => `floor(1000 * extract(epoch FROM ${column}))::float8`;
const selectState = `
  SELECT ${ms('statement_timestamp()')} AS now, ${isSchedulerPaused('scheduler')} AS "schedulerPaused",
    ${ms('pruned_until')} AS "prunedUntil",
    COALESCE((SELECT json_agg(json_build_object('from', ${ms('from_at')}, 'until', ${ms('until_at')}))
      FROM data_losses WHERE until_at >= $1), '[]') AS losses
  FROM scheduler, history_bounds`;

/** Either all jobs that have had a name, or those with the next ids after one. */
export type LedgerJobs = { name: string } | { after: string; limit: number };

export interface ReadLedgerJobs {
  /** In ascending order. */
  ids: string[];
  /** JSON of LedgerJob[] in the order of the ids. Not parsed here: the thread that compares them does that. */
  jobs: string;
  /** True if they have more rows than are read at once. Then `jobs` is not complete. */
  tooMany: boolean;
}

interface Range {
  from: number;
  to: number;
}

/** The jobs with kept definitions for instants in `range`, also deleted ones, with these definitions, and with the rows of the instants in
 *  `part` of it. One statement, so that all of it is of one moment. */
export async function readLedgerJobs(
  tx: EntityManager,
  which: LedgerJobs,
  range: Range,
  part: Range,
): Promise<ReadLedgerJobs> {
  const statement = 'name' in which ? byName : byId;
  const chosen = 'name' in which ? [which.name, MAX_JOBS_OF_NAME] : [which.after, which.limit];
  const times = [range.from, range.to, part.from, part.to].map((at) => new Date(at));
  const [read] = await rows<ReadLedgerJobs>(tx, statement, [...chosen, ...times]);
  return read!;
}

/** A name is seldom used again after its job was deleted. */
const MAX_JOBS_OF_NAME = 100;

const isInRange = `valid_from < $4 AND (valid_to IS NULL OR valid_to >= $3)`;
// Laterals with an aggregate or a LIMIT: they look a few hundred jobs up in an index, where a join would read the whole tables.
// The last row before the range is read too, since it may be one for a range of instants that ends in it.
const selectJobs = (condition: string) => `
  WITH chosen AS MATERIALIZED (
    SELECT DISTINCT job_id FROM job_versions WHERE ${condition} AND ${isInRange} ORDER BY job_id LIMIT $2
  ),
  found AS MATERIALIZED (
    SELECT chosen.job_id, row.* FROM chosen CROSS JOIN LATERAL (
      (${rowsOfJob} AND scheduled_at < $5 ORDER BY scheduled_at DESC LIMIT 1)
      UNION ALL
      (${rowsOfJob} AND scheduled_at BETWEEN $5 AND $6)
    ) AS row LIMIT ${MAX_ROWS + 1}
  ),
  grouped AS (
    SELECT job_id, json_agg(json_build_object('id', id, 'at', ${ms('scheduled_at')}, 'to', ${ms('missed_to')},
      'count', missed_count, 'kind', kind, 'state', state, 'reason', reason, 'started', ${ms('started_at')})
      ORDER BY scheduled_at, missed_to NULLS LAST) AS rows
    FROM found WHERE COALESCE(missed_to, scheduled_at) >= $5 GROUP BY job_id
  ),
  versions AS (
    SELECT chosen.job_id, version.* FROM chosen CROSS JOIN LATERAL (
      SELECT min(job) AS name, json_agg(json_build_object('version', version, 'from', ${ms('valid_from')},
      'to', ${ms('valid_to')}, 'first', ${ms('first_at')}, 'earlierUnknown', earlier_unknown, 'tzVersion', tz_version,
        'trigger', definition->'trigger', 'clockChange', definition->'clockChange') ORDER BY valid_from, id) AS versions
      FROM job_versions WHERE job_versions.job_id = chosen.job_id AND ((${isInRange}) OR earlier_unknown)
    ) AS version
  )
  SELECT ARRAY(SELECT job_id FROM chosen ORDER BY job_id) AS ids, (SELECT count(*) > ${MAX_ROWS} FROM found) AS "tooMany",
    COALESCE((SELECT json_agg(json_build_object('id', job_id, 'name', versions.name, 'versions', versions,
      'rows', COALESCE(rows, '[]'::json), 'now', now) ORDER BY job_id)
      FROM versions LEFT JOIN grouped USING (job_id) LEFT JOIN LATERAL (
        SELECT json_build_object('version', version, 'tzVersion', tz_version, 'next', ${ms('next_occurrence_at')},
          'paused', paused, 'pausedAt', ${ms('paused_at')}, 'pausedUntil', ${ms('paused_until')}) AS now FROM jobs WHERE jobs.id = job_id LIMIT 1
      ) AS job ON true), '[]'::json)::text AS jobs`;
const rowsOfJob = `
  SELECT id, scheduled_at, missed_to, missed_count, kind, state, reason, started_at FROM runs
  WHERE runs.job_id = chosen.job_id AND kind IN ('schedule', 'catch_up')`;
const byName = selectJobs('job = $1');
const byId = selectJobs('job_id > $1');
