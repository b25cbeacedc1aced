import type { EntityManager, SelectQueryBuilder } from 'typeorm';
import { rows } from '../../database/transaction.js';
import type { Job } from '../definition/job.entity.js';

/** More are found sooner by going through the jobs in the order that is asked for. */
const MOST_FOUND = 1_000;

// Words of less than three letters have no trigram: all rows are looked through then. They are short, and where many fit the
// first are enough.
const fitting = `
  SELECT CASE WHEN count(*) <= ${MOST_FOUND} THEN COALESCE(array_agg(job_id), '{}') END AS few FROM (
    SELECT job_id FROM job_terms
    WHERE terms @> ($1::text[] || trigrams(lower($2))) AND strpos(text, lower($2)) > 0 LIMIT ${MOST_FOUND + 1}) AS found`;

/** Goes from the few jobs that have this tag, this task and these words, where they are few; the conditions themselves stay. */
export async function narrow(
  tx: EntityManager,
  builder: SelectQueryBuilder<Job>,
  { tag, task, q }: { tag?: string; task?: string; q?: string },
): Promise<void> {
  const terms = [...(tag === undefined ? [] : [`#${tag}`]), ...(task === undefined ? [] : [`@${task}`])];
  if (terms.length === 0 && q === undefined) return;
  const [found] = await rows<{ few: string[] | null }>(tx, fitting, [terms, q ?? '']);
  if (found!.few) builder.andWhere('job.id = ANY(:few)', found);
}
