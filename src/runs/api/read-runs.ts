import type { EntityManager, SelectQueryBuilder } from 'typeorm';
import { z } from 'zod';
import { rows } from '../../database/transaction.js';
import { cursor, decodeCursor, instant, limit, type Page, pageOf } from '../../http/page.js';
import { Run, runKinds, runStates } from '../lifecycle/run.entity.js';
import { RunNotFoundError } from '../lifecycle/run-errors.js';
import { firstIdAt, queuedAtOf } from '../lifecycle/run-ids.js';
import { retriesOf, waitsFor } from './waits-for.js';
import {
  type AttemptView,
  itemFields,
  itemOf,
  type LogLineView,
  type RunItem,
  type RunView,
  viewOf,
} from './run.view.js';

export const runsQuery = z.strictObject({
  job: z.string().optional(),
  state: z.enum(runStates).optional(),
  kind: z.enum(runKinds).optional(),
  from: instant.optional().describe('Scheduled at this instant or later'),
  to: instant.optional().describe('Scheduled before this instant'),
  limit,
  cursor,
});
export type RunsQuery = z.output<typeof runsQuery>;

const runCursor = z.tuple([z.uuid()]);

const itemColumns = itemFields.map((field) => `run.${field}`);

/** A run that was queued more than this after its instant is late. The partial index runs_late has the same limit. */
const LATE_MS = 60_000;

/** A page of runs, newest first. The cursor is the id of the last run, so runs that are added later do not shift the
 *  next pages. */
export async function listRuns(tx: EntityManager, query: RunsQuery): Promise<Page<RunItem>> {
  const page = pageOf(await newest(tx, query, query.limit + 1), query.limit, ({ id }) => [id]);
  return { ...page, items: page.items.map(itemOf) };
}

async function newest(tx: EntityManager, query: RunsQuery, wanted: number): Promise<Run[]> {
  if (query.to === undefined) return filtered(tx, query).limit(wanted).getMany();
  const end = new Date(query.to.getTime() + LATE_MS);
  // Ids have the order of `queued_at`, and `to` limits `scheduled_at`. A run that is not late was queued at most a
  // minute after `to`, so its id is below `end`. Runs that were queued after `end` are late, and come first since they
  // are newer.
  const late = await lateSince(tx, query, end).limit(wanted).getMany();
  if (late.length === wanted) return late;
  const others = filtered(tx, query).andWhere('run.id < :end', { end: firstIdAt(end) });
  return [...late, ...(await others.limit(wanted - late.length).getMany())];
}

/** The late runs, in the order of all runs. The condition is exactly that of the index runs_late: PostgreSQL does not
 *  know how few runs are late, and would otherwise read the primary key from its end. */
function lateSince(tx: EntityManager, query: RunsQuery, end: Date): SelectQueryBuilder<Run> {
  const late = filtered(tx, query).orderBy('run.queuedAt', 'DESC').addOrderBy('run.id', 'DESC');
  late.andWhere(`run.queuedAt >= :end AND run.queuedAt - run.scheduledAt > interval '1 minute'`, { end });
  if (query.cursor !== undefined)
    late.andWhere('run.queuedAt <= :newest', { newest: queuedAtOf(afterOf(query.cursor)) });
  return late;
}

function filtered(tx: EntityManager, query: RunsQuery): SelectQueryBuilder<Run> {
  const builder = tx.createQueryBuilder(Run, 'run').select(itemColumns).orderBy('run.id', 'DESC');
  const { job, state, kind, from, to } = query;
  if (job !== undefined) builder.andWhere('run.job = :job', { job });
  if (state) builder.andWhere('run.state = :state', { state });
  if (kind) builder.andWhere('run.kind = :kind', { kind });
  // No run is queued before its instant, so `from` also limits the id. That is the part that an index can use.
  if (from !== undefined)
    builder.andWhere('run.scheduledAt >= :from AND run.id >= :first', { from, first: firstIdAt(from) });
  if (to !== undefined) builder.andWhere('run.scheduledAt < :to', { to });
  if (query.cursor !== undefined) builder.andWhere('run.id < :after', { after: afterOf(query.cursor) });
  return builder;
}

const afterOf = (text: string): string => decodeCursor(text, runCursor)[0];

/** The runs with these ids, earliest instant first. */
export async function itemsOf(tx: EntityManager, ids: string[]): Promise<RunItem[]> {
  const builder = tx.createQueryBuilder(Run, 'run').select(itemColumns).where('run.id = ANY(:ids)', { ids });
  const runs = await builder.orderBy('run.scheduledAt').addOrderBy('run.id').getMany();
  return runs.map(itemOf);
}

/** Throws RUN_NOT_FOUND. */
export async function findRun(tx: EntityManager, id: string): Promise<RunView> {
  const run = await tx.findOneBy(Run, { id });
  if (!run) throw new RunNotFoundError(id);
  const attempts = await rows<AttemptView>(
    tx,
    `SELECT number, replica, started_at AS "startedAt", finished_at AS "finishedAt", state, error
     FROM run_attempts WHERE run_id = $1 ORDER BY number`,
    [id],
  );
  return { ...viewOf(run, attempts), waitsFor: await waitsFor(tx, run), retriedAs: await retriesOf(tx, id) };
}

export const logsQuery = z.strictObject({ limit, cursor });
const logCursor = z.tuple([z.string().regex(/^\d{1,18}$/)]);

/** A page of the log lines of a run, oldest first. Throws RUN_NOT_FOUND. */
export async function readLogs(tx: EntityManager, id: string, query: z.output<typeof logsQuery>) {
  if (!(await tx.existsBy(Run, { id }))) throw new RunNotFoundError(id);
  const [after] = query.cursor === undefined ? ['0'] : decodeCursor(query.cursor, logCursor);
  const lines = await rows<LogLineView & { id: string }>(
    tx,
    `SELECT id, at, attempt, level, message, fields FROM run_logs WHERE run_id = $1 AND id > $2 ORDER BY id LIMIT $3`,
    [id, after, query.limit + 1],
  );
  const page = pageOf(lines, query.limit, (line) => [line.id]);
  return { ...page, items: page.items.map(({ id: _id, ...line }): LogLineView => line) };
}
