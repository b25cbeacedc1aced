import type { EntityManager, SelectQueryBuilder } from 'typeorm';
import { z } from 'zod';
import { Problem } from '../core/problem.js';
import { rows } from '../database/transaction.js';
import { instant } from '../http/instant.js';
import { cursor, cursorInstant, decodeCursor, limit, type Page, pageOf } from '../http/page.js';
import { Run, runKinds, runStates } from './run.entity.js';
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

const place = z.tuple([cursorInstant, z.uuid()]);

export class RunNotFoundError extends Problem {
  constructor(readonly run: string) {
    super(
      404,
      'RUN_NOT_FOUND',
      `There is no run ${run}; it may have been pruned. GET /api/v1/runs lists those there are`,
    );
  }
}

export class RunFinishedError extends Problem {
  constructor(
    readonly run: string,
    state: string,
  ) {
    super(409, 'RUN_FINISHED', `Run ${run} has ended already: it is ${state}`);
  }
}

/** Without inputs and outputs, which may be large. */
const itemColumns = itemFields.map((field) => `run.${field}`);

/** A run is queued at its instant or later. Beyond this it is late, for the index runs_late too. */
const LATE = `interval '1 minute'`;

/** The newest first. Rows that are added meanwhile do not shift later pages. */
export async function listRuns(tx: EntityManager, query: RunsQuery): Promise<Page<RunItem>> {
  const wanted = query.limit + 1;
  // What was queued long after `to` comes first, and is found among the late ones.
  const late = query.to === undefined ? [] : await filtered(tx, query).andWhere(lateFor).limit(wanted).getMany();
  const others = filtered(tx, query).limit(wanted - late.length);
  if (query.to !== undefined) others.andWhere(`run.queuedAt < CAST(:to AS timestamptz) + ${LATE}`);
  const runs = late.length < wanted ? [...late, ...(await others.getMany())] : late;
  const page = pageOf(runs, query.limit, (run) => [run.queuedAt.toISOString(), run.id]);
  return { ...page, items: page.items.map(itemOf) };
}

const lateFor = `run.queuedAt >= CAST(:to AS timestamptz) + ${LATE} AND run.queuedAt - run.scheduledAt > ${LATE}`;

function filtered(tx: EntityManager, query: RunsQuery): SelectQueryBuilder<Run> {
  const builder = tx
    .createQueryBuilder(Run, 'run')
    .select(itemColumns)
    .orderBy('run.queuedAt', 'DESC')
    .addOrderBy('run.id', 'DESC');
  const { job, state, kind, from, to } = query;
  if (job !== undefined) builder.andWhere('run.job = :job', { job });
  if (state) builder.andWhere('run.state = :state', { state });
  if (kind) builder.andWhere('run.kind = :kind', { kind });
  if (from !== undefined) builder.andWhere('run.scheduledAt >= :from AND run.queuedAt >= :from', { from });
  if (to !== undefined) builder.andWhere('run.scheduledAt < :to', { to });
  if (query.cursor !== undefined) {
    const [queuedAt, id] = decodeCursor(query.cursor, place);
    builder.andWhere('(run.queuedAt, run.id) < (CAST(:queuedAt AS timestamptz), CAST(:id AS uuid))', { queuedAt, id });
  }
  return builder;
}

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
