import type { EntityManager, SelectQueryBuilder } from 'typeorm';
import { z } from 'zod';
import { rows } from '../../database/transaction.js';
import { cursor, decodeCursor, instant, limit, type Page, pageOf } from '../../http/page.js';
import { Run, runKinds, runStates } from '../lifecycle/run.entity.js';
import { RunNotFoundError } from '../lifecycle/run-errors.js';
import { firstIdAt, queuedAtOf } from '../lifecycle/run-ids.js';
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

const place = z.tuple([z.uuid()]);

/** Without inputs and outputs, which may be large. */
const itemColumns = itemFields.map((field) => `run.${field}`);

/** A run is queued at its instant or later. Beyond this it is late, for the index runs_late too. */
const LATE_MS = 60_000;

/** The newest first. Rows that are added meanwhile do not shift later pages. */
export async function listRuns(tx: EntityManager, query: RunsQuery): Promise<Page<RunItem>> {
  const page = pageOf(await newest(tx, query, query.limit + 1), query.limit, ({ id }) => [id]);
  return { ...page, items: page.items.map(itemOf) };
}

async function newest(tx: EntityManager, query: RunsQuery, wanted: number): Promise<Run[]> {
  if (query.to === undefined) return filtered(tx, query).limit(wanted).getMany();
  const end = new Date(query.to.getTime() + LATE_MS);
  // What was queued long after `to` comes first, and is found among the late ones.
  const late = await lateSince(tx, query, end).limit(wanted).getMany();
  if (late.length === wanted) return late;
  const others = filtered(tx, query).andWhere('run.id < :end', { end: firstIdAt(end) });
  return [...late, ...(await others.limit(wanted - late.length).getMany())];
}

/** Of the same order as all, in words that only the index runs_late has: PostgreSQL does not know how few are late. */
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
  if (from !== undefined)
    builder.andWhere('run.scheduledAt >= :from AND run.id >= :first', { from, first: firstIdAt(from) });
  if (to !== undefined) builder.andWhere('run.scheduledAt < :to', { to });
  if (query.cursor !== undefined) builder.andWhere('run.id < :after', { after: afterOf(query.cursor) });
  return builder;
}

const afterOf = (text: string): string => decodeCursor(text, place)[0];

/** These runs, the earliest instant first. */
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
  return viewOf(run, attempts);
}

export const logsQuery = z.strictObject({ limit, cursor });
const logPlace = z.tuple([z.string().regex(/^\d{1,18}$/)]);

/** A run's lines, the oldest first. Throws RUN_NOT_FOUND. */
export async function readLogs(tx: EntityManager, id: string, query: z.output<typeof logsQuery>) {
  if (!(await tx.existsBy(Run, { id }))) throw new RunNotFoundError(id);
  const [after] = query.cursor === undefined ? ['0'] : decodeCursor(query.cursor, logPlace);
  const lines = await rows<LogLineView & { id: string }>(
    tx,
    `SELECT id, at, attempt, level, message, fields FROM run_logs WHERE run_id = $1 AND id > $2 ORDER BY id LIMIT $3`,
    [id, after, query.limit + 1],
  );
  const page = pageOf(lines, query.limit, (line) => [line.id]);
  return { ...page, items: page.items.map(({ id: _id, ...line }): LogLineView => line) };
}
