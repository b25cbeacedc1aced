import { type EntityManager, type SelectQueryBuilder } from 'typeorm';
import { z } from 'zod';
import { selectColumns } from '../../database/select-columns.js';
import { rows } from '../../database/transaction.js';
import { cursor, cursorInstant, decodeCursor, limit, type Page, pageOf } from '../../http/page.js';
import { firstIdAt } from '../../runs/lifecycle/run-ids.js';
import { Job, jobSources, jobStates } from '../definition/job.entity.js';
import { nextRun } from '../dispatch/due.js';
import { beforeOpenDispatches, type FiredJobs, firedSince } from './fired-since.js';
import { type JobView, type LastRun, viewOf } from './job.view.js';

export const jobsQuery = z.strictObject({
  state: z.enum(jobStates).optional(),
  task: z.string().optional(),
  tag: z.string().optional(),
  source: z.enum(jobSources).optional(),
  q: z.string().max(128).optional().describe('A part of the name or the description, in upper or lower case'),
  sort: z.enum(['name', 'nextRunAt', '-updatedAt']).default('name'),
  limit,
  cursor,
});
export type JobsQuery = z.output<typeof jobsQuery>;

/** As the API shows it: a paused job has no next run. */
const nextRunAt = nextRun('job');

const stateConditions = {
  active: 'NOT job.paused AND job.nextOccurrenceAt IS NOT NULL',
  paused: `job.paused AND job.nextOccurrenceAt IS NOT NULL AND ${nextRunAt} = 'infinity'`,
  finished: `job.nextOccurrenceAt IS NULL AND ${nextRunAt} = 'infinity'`,
};

/** The sort key of each order, and the condition for the rows after a cursor. Jobs without a next run come last. The name makes
 *  every position unique. */
const orders = {
  name: { key: 'job.name', direction: 'ASC', after: 'job.name > :name', keyOf: () => null },
  nextRunAt: {
    key: nextRunAt,
    direction: 'ASC',
    after: `(${nextRunAt}, job.name) > (CAST(:key AS timestamptz), :name)`,
    keyOf: (job: Listed) => (job.asOf ?? (job.paused ? null : job.nextRunAt))?.toISOString() ?? 'infinity',
  },
  '-updatedAt': {
    key: 'job.updatedAt',
    direction: 'DESC',
    // The first comparison is redundant: it lets PostgreSQL find the start of the page in an index.
    after:
      'job.updatedAt <= CAST(:key AS timestamptz) AND (job.updatedAt < CAST(:key AS timestamptz) OR job.name > :name)',
    keyOf: (job: Job) => job.updatedAt.toISOString(),
  },
} as const;

/** A job, and when it was due at the instant of the first page, if it has been dispatched since. */
type Listed = Job & { asOf?: Date };

/** The content of a cursor: the sort, the position of the last row, and the instant of the first page of a list by the next run. The
 *  cursors of earlier versions lack that instant. */
const position = z.tuple([
  z.enum(['name', 'nextRunAt', '-updatedAt']),
  cursorInstant.or(z.literal('infinity')).nullable(),
  z.string(),
  cursorInstant.optional(),
]);

/** A page of the jobs that match all filters. */
export async function listJobs(tx: EntityManager, query: JobsQuery): Promise<Page<JobView>> {
  const order = orders[query.sort];
  const [, key, name, since] =
    query.cursor === undefined
      ? []
      : decodeCursor(
          query.cursor,
          position.refine(([sort]) => sort === query.sort),
        );
  const builder = filtered(tx.createQueryBuilder(Job, 'job'), query).limit(query.limit + 1);
  await narrowToFew(tx, builder, query);
  const after = name === undefined ? undefined : { key, name };
  const asOf = query.sort === 'nextRunAt' ? await instantOfFirstPage(tx, query, since) : undefined;
  const fired = asOf ? await firedSince(tx, asOf) : null;
  const firedJobs = fired && fired.ids.length > 0 ? await jobsThatFired(builder.clone(), fired, after) : [];
  if (fired && fired.ids.length > 0)
    builder.andWhere(
      'NOT EXISTS (SELECT FROM unnest(CAST(:ids AS uuid[])) AS fired (id) WHERE fired.id = job.id)',
      fired,
    );
  builder.orderBy(order.key, order.direction).addOrderBy('job.name');
  if (after) builder.andWhere(`(${order.after})`, after);
  const jobs: Listed[] = await selectColumns(builder).getRawMany<Job>();
  const found = firedJobs.length > 0 ? merged(jobs, firedJobs) : jobs;
  const page = pageOf(found, query.limit, (job) => [
    query.sort,
    order.keyOf(job),
    job.name,
    ...(asOf ? [asOf.toISOString()] : []),
  ]);
  return { ...page, items: await viewsOf(tx, page.items) };
}

/** Undefined for a cursor without that instant. */
async function instantOfFirstPage(tx: EntityManager, query: JobsQuery, since: string | undefined) {
  if (query.cursor === undefined) return beforeOpenDispatches(tx);
  return since === undefined ? undefined : new Date(since);
}

/** The jobs that were dispatched since the first page, after a position in their order at that time. Otherwise a job would move to a
 *  later page and be listed twice. */
async function jobsThatFired(
  builder: SelectQueryBuilder<Job>,
  fired: FiredJobs,
  after: { key: string | null | undefined; name: string } | undefined,
): Promise<Listed[]> {
  builder
    .innerJoin(
      '(SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:dueAt AS timestamptz[])) AS one (id, due_at))',
      'fired',
      'fired.id = job.id',
      fired,
    )
    .orderBy('fired.due_at')
    .addOrderBy('job.name');
  if (after) builder.andWhere('(fired.due_at, job.name) > (CAST(:key AS timestamptz), :name)', after);
  return selectColumns(builder).addSelect('fired.due_at', 'asOf').getRawMany<Listed>();
}

/** Both lists in one order: by the next run, and then by name in the order of its bytes. */
const merged = (jobs: Listed[], fired: Listed[]): Listed[] =>
  [...jobs, ...fired].toSorted((a, b) => timeOf(a) - timeOf(b) || (a.name < b.name ? -1 : 1));

const timeOf = (job: Listed): number => {
  const at = job.asOf ?? (job.paused ? null : job.nextRunAt);
  return at ? at.getTime() : Infinity;
};

function filtered(builder: SelectQueryBuilder<Job>, { state, task, tag, source, q }: JobsQuery) {
  if (state) builder.andWhere(stateConditions[state]);
  if (task !== undefined) builder.andWhere('job.task = :task', { task });
  if (tag !== undefined) builder.andWhere('job.tags @> ARRAY[:tag]', { tag });
  if (source) builder.andWhere('job.source = :source', { source });
  // The collation of `name` changes the case of ASCII letters only.
  const text = `lower((job.name || chr(10) || job.description) COLLATE "default")`;
  if (q !== undefined) builder.andWhere(`strpos(${text}, lower(:q)) > 0`, { q });
  return builder;
}

/** The most jobs that are narrowed to. With more, scanning the jobs in the requested order is faster. */
const FEW = 1_000;

// A search text of fewer than three letters has no trigram, so all rows are scanned. That is fast: where many match, the scan
// stops early.
const fewMatches = `
  SELECT CASE WHEN count(*) <= ${FEW} THEN COALESCE(array_agg(job_id), '{}') END AS few FROM (
    SELECT job_id FROM job_terms
    WHERE terms @> ($1::text[] || trigrams(lower($2))) AND strpos(text, lower($2)) > 0 LIMIT ${FEW + 1}) AS found`;

/** Speeds up a list by tag, task or text: if few jobs match these, only their ids are scanned. The filters still apply. */
async function narrowToFew(
  tx: EntityManager,
  builder: SelectQueryBuilder<Job>,
  { tag, task, q }: { tag?: string; task?: string; q?: string },
): Promise<void> {
  const terms = [...(tag === undefined ? [] : [`#${tag}`]), ...(task === undefined ? [] : [`@${task}`])];
  if (terms.length === 0 && q === undefined) return;
  const [found] = await rows<{ few: string[] | null }>(tx, fewMatches, [terms, q ?? '']);
  if (found!.few) builder.andWhere('job.id = ANY(:few)', found);
}

/** Run ids begin with a time. The database's clock may have been set back since the job was created. */
const anHourBefore = (date: Date) => new Date(date.getTime() - 3_600_000);

/** The jobs as the API returns them, each with the newest row of its history. A deleted job of the same name has a history of its
 *  own. */
export async function viewsOf(tx: EntityManager, jobs: Job[]): Promise<JobView[]> {
  const lastRuns = await rows<LastRun & { jobId: string }>(
    tx,
    `SELECT wanted.id AS "jobId", run.* FROM unnest($1::uuid[], $2::text[], $3::uuid[]) AS wanted (id, name, first), LATERAL (
       SELECT id, state, reason, scheduled_at AS "scheduledAt", started_at AS "startedAt", finished_at AS "finishedAt",
         round(1000 * extract(epoch FROM finished_at - started_at))::float8 AS "durationMs"
       FROM runs WHERE job = wanted.name AND job_id = wanted.id AND id >= wanted.first ORDER BY id DESC LIMIT 1) AS run`,
    [
      jobs.map(({ id }) => id),
      jobs.map(({ name }) => name),
      jobs.map(({ createdAt }) => firstIdAt(anHourBefore(createdAt))),
    ],
  );
  const byJob = new Map(lastRuns.map(({ jobId, ...run }) => [jobId, run]));
  return jobs.map((job) => viewOf(job, byJob.get(job.id) ?? null));
}
