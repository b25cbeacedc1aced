import type { EntityManager, SelectQueryBuilder } from 'typeorm';
import type { Job } from './job.entity.js';

/** More are found sooner by going through the jobs in the order that is asked for. */
const MOST_FOUND = 1_000;

// Words of less than three letters have no trigram: all rows are looked through then. They are short, and where many fit the
// first are enough.
const fitting = `
  SELECT job_id FROM job_terms
  WHERE terms @> (CAST(:terms AS text[]) || trigrams(lower(:words))) AND strpos(text, lower(:words)) > 0`;

/** Goes from the few jobs that have this tag and these words, where they are few; the conditions themselves stay. */
export async function narrow(
  tx: EntityManager,
  builder: SelectQueryBuilder<Job>,
  { tag, q }: { tag?: string; q?: string },
): Promise<void> {
  if (tag === undefined && q === undefined) return;
  const asked = { terms: tag === undefined ? [] : [`#${tag}`], words: q ?? '' };
  const found = await tx
    .createQueryBuilder()
    .select('count(*)::int', 'count')
    .from(`(${fitting} LIMIT ${MOST_FOUND + 1})`, 'found')
    .setParameters(asked)
    .getRawOne<{ count: number }>();
  if (found!.count <= MOST_FOUND) builder.andWhere(`job.id = ANY(ARRAY(${fitting}))`, asked);
}
