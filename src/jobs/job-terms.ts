import type { EntityManager } from 'typeorm';
import { rows } from '../database/transaction.js';

/** More are found sooner by going through the jobs in the order that is asked for. */
const MOST_FOUND = 1_000;

/** The ids of the jobs that have this tag and these words, where they are few; null: too many, or neither is asked for. */
export async function findByTerms(
  tx: EntityManager,
  { tag, q }: { tag?: string; q?: string },
): Promise<string[] | null> {
  if (tag === undefined && q === undefined) return null;
  const tags = tag === undefined ? [] : [`#${tag}`];
  const found = await rows<{ id: string }>(tx, byTerms, [tags, q ?? '', MOST_FOUND + 1]);
  return found.length > MOST_FOUND ? null : found.map(({ id }) => id);
}

// Words of less than three letters have no trigram: all rows are looked through then. They are short, and where many fit the
// first are enough.
const byTerms = `
  SELECT job_id AS id FROM job_terms
  WHERE terms @> ($1::text[] || trigrams(lower($2))) AND strpos(text, lower($2)) > 0 LIMIT $3`;
