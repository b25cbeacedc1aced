import { type EntityManager, type SelectQueryBuilder } from 'typeorm';
import { z } from 'zod';
import { nextRun } from '../dispatch/due.js';
import { selectColumns } from '../../database/select-columns.js';
import { rows } from '../../database/transaction.js';
import { cursor, cursorInstant, decodeCursor, limit, type Page, pageOf } from '../../http/page.js';
import { firstIdAt } from '../../runs/lifecycle/run-ids.js';
import { Job, jobSources } from '../definition/job.entity.js';
import { narrow } from './job-terms.js';
import { jobStates, type JobView, type LastRun, viewOf } from '../definition/job.view.js';

export const jobsQuery = z.strictObject({
  state: z.enum(jobStates).optional(),
  task: z.string().optional(),
  tag: z.string().optional(),
  source: z.enum(jobSources).optional(),
  q: z.string().max(128).optional().describe('Part of the name or of the description'),
  sort: z.enum(['name', 'nextRunAt', '-updatedAt']).default('name'),
  limit,
  cursor,
});
export type JobsQuery = z.output<typeof jobsQuery>;

/** As the view shows it: a paused job has no next run. */
const nextRunAt = nextRun('job');

const stateConditions = {
  active: 'NOT job.paused AND job.nextOccurrenceAt IS NOT NULL',
  paused: `job.paused AND job.nextOccurrenceAt IS NOT NULL AND ${nextRunAt} = 'infinity'`,
  finished: `job.nextOccurrenceAt IS NULL AND ${nextRunAt} = 'infinity'`,
};

/** A job without a next run sorts behind all others. The name makes each place unique. */
const orders = {
  name: { key: 'job.name', direction: 'ASC', after: 'job.name > :name', keyOf: () => null },
  nextRunAt: {
    key: nextRunAt,
    direction: 'ASC',
    after: `(${nextRunAt}, job.name) > (CAST(:key AS timestamptz), :name)`,
    keyOf: (job: Job) => (job.paused ? null : job.nextRunAt)?.toISOString() ?? 'infinity',
  },
  '-updatedAt': {
    key: 'job.updatedAt',
    direction: 'DESC',
    // Twice, so that an index leads to where the page begins.
    after:
      'job.updatedAt <= CAST(:key AS timestamptz) AND (job.updatedAt < CAST(:key AS timestamptz) OR job.name > :name)',
    keyOf: (job: Job) => job.updatedAt.toISOString(),
  },
} as const;

const place = z.tuple([
  z.enum(['name', 'nextRunAt', '-updatedAt']),
  cursorInstant.or(z.literal('infinity')).nullable(),
  z.string(),
]);

export async function listJobs(tx: EntityManager, query: JobsQuery): Promise<Page<JobView>> {
  const order = orders[query.sort];
  const builder = filtered(tx.createQueryBuilder(Job, 'job'), query)
    .orderBy(order.key, order.direction)
    .addOrderBy('job.name')
    .limit(query.limit + 1);
  if (query.cursor !== undefined) {
    const [, key, name] = decodeCursor(
      query.cursor,
      place.refine(([sort]) => sort === query.sort),
    );
    builder.andWhere(`(${order.after})`, { key, name });
  }
  await narrow(tx, builder, query);
  const jobs = await selectColumns(builder).getRawMany<Job>();
  const page = pageOf(jobs, query.limit, (job) => [query.sort, order.keyOf(job), job.name]);
  return { ...page, items: await viewsOf(tx, page.items) };
}

function filtered(builder: SelectQueryBuilder<Job>, { state, task, tag, source, q }: JobsQuery) {
  if (state) builder.andWhere(stateConditions[state]);
  if (task !== undefined) builder.andWhere('job.task = :task', { task });
  if (tag !== undefined) builder.andWhere('job.tags @> ARRAY[:tag]', { tag });
  if (source) builder.andWhere('job.source = :source', { source });
  // The name's own collation knows no letters but those of ASCII.
  const text = `lower((job.name || chr(10) || job.description) COLLATE "default")`;
  if (q !== undefined) builder.andWhere(`strpos(${text}, lower(:q)) > 0`, { q });
  return builder;
}

/** For a database whose clock was set back. */
const anHourBefore = (date: Date) => new Date(date.getTime() - 3_600_000);

/** The jobs with the newest row of the history of each, and not of one of its name that was deleted. */
export async function viewsOf(tx: EntityManager, jobs: Job[]): Promise<JobView[]> {
  const newest = await rows<LastRun & { jobId: string }>(
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
  const byJob = new Map(newest.map(({ jobId, ...run }) => [jobId, run]));
  return jobs.map((job) => viewOf(job, byJob.get(job.id) ?? null));
}
