import { z } from 'zod';
import { Problem } from '../core/problem.js';
import { unstorable } from '../core/storable-json.js';

/** The response of every list. */
export interface Page<T> {
  items: T[];
  /** The cursor of the next page. Null on the last page. */
  nextCursor: string | null;
}

const CURSOR = /^[A-Za-z0-9_-]{1,2048}$/;

/** The number of items per page: 1 to 500, default 50. It comes from a query string as text. */
export const limit = z
  .preprocess(
    (value) => (typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value),
    z
      .int('Must be a whole number from 1 to 500')
      .min(1, 'Must be at least 1')
      .max(500, 'Must be at most 500')
      .default(50),
  )
  .describe('The number of items per page');

export const cursor = z
  .string()
  .optional()
  .describe('`nextCursor` of the previous page. Send it with the same filters and sort');

/** An instant in a query. The schema returns a Date, because PostgreSQL accepts fewer offsets and digits than ISO 8601 allows. */
export const instant = z.iso
  .datetime({ offset: true, error: 'Must be ISO 8601 with a zone, such as 2026-12-24T18:00:00Z' })
  .transform((text) => new Date(text));

/** An instant in a cursor, as `toISOString` writes it. PostgreSQL would reject the year 0 and too many digits. */
export const cursorInstant = z.iso.datetime({ precision: 3 }).refine((text) => text >= '1970');

export const encodeCursor = (values: unknown): string => Buffer.from(JSON.stringify(values)).toString('base64url');

/** The values in a cursor, validated with `schema`. Throws 400 INVALID_CURSOR. */
export function decodeCursor<S extends z.ZodType>(text: string, schema: S): z.output<S> {
  const { success, data } = schema.safeParse(parse(text));
  if (!success) throw invalidCursor();
  return data;
}

/** The page with the first `size` of `rows`. The query must have fetched up to `size + 1` rows, so that the extra row shows that
 *  another page follows. `keyOf` returns the values that place a row in the sort order. */
export function pageOf<T>(rows: readonly T[], size: number, keyOf: (row: T) => unknown): Page<T> {
  const items = rows.slice(0, size);
  const last = items.at(-1);
  return { items, nextCursor: rows.length > size && last !== undefined ? encodeCursor(keyOf(last)) : null };
}

export const pageSchema = <S extends z.ZodType>(item: S) =>
  z
    .object({ items: z.array(item), nextCursor: z.string().nullable().describe('Null on the last page') })
    .meta(pageExamples(item.meta()?.examples));

const pageExamples = (items: unknown) => (Array.isArray(items) ? { examples: [{ items, nextCursor: null }] } : {});

function parse(text: string): unknown {
  if (!CURSOR.test(text)) throw invalidCursor();
  try {
    const values: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
    if (!unstorable(values)) return values;
  } catch {
    // Not JSON: an invalid cursor like any other.
  }
  throw invalidCursor();
}

const invalidCursor = (): Problem =>
  new Problem(400, 'INVALID_CURSOR', 'Send the nextCursor of an earlier page unchanged, or leave the cursor out.', [
    { path: '/cursor', message: 'Not a cursor of this list' },
  ]);
