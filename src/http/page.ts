import { z } from 'zod';
import { Problem } from '../core/problem.js';
import { unstorable } from '../core/storable-json.js';

/** The answer of every list. */
export interface Page<T> {
  items: T[];
  /** Where the next page starts; null on the last one. */
  nextCursor: string | null;
}

const CURSOR = /^[A-Za-z0-9_-]{1,2048}$/;

/** How many items a page holds: 1 to 500, 50 unless told; comes from a query as text. */
export const limit = z
  .preprocess(
    (value) => (typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value),
    z
      .int('Must be a whole number from 1 to 500')
      .min(1, 'Must be at least 1')
      .max(500, 'Must be at most 500')
      .default(50),
  )
  .describe('How many items a page holds');

export const cursor = z.string().optional().describe('`nextCursor` of the page before, with the same filters and sort');

/** An instant in a cursor, as `toISOString` writes it; PostgreSQL would refuse the year 0, and digits without end. */
export const cursorInstant = z.iso.datetime({ precision: 3 }).refine((text) => text >= '1970');

export const encodeCursor = (values: unknown): string => Buffer.from(JSON.stringify(values)).toString('base64url');

/** The values a cursor was made from, checked with `schema`. Throws 400 INVALID_CURSOR. */
export function decodeCursor<S extends z.ZodType>(text: string, schema: S): z.output<S> {
  const { success, data } = schema.safeParse(parse(text));
  if (!success) throw invalidCursor();
  return data;
}

/** The page that `rows` make, which were fetched with a limit of `size + 1`; `keyOf` names a row's place in the order. */
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
    // Told below, like everything else that is no cursor.
  }
  throw invalidCursor();
}

const invalidCursor = (): Problem =>
  new Problem(400, 'INVALID_CURSOR', 'Give the nextCursor of an earlier answer as it is, or leave the cursor out.', [
    { path: '/cursor', message: 'Not a cursor of this list' },
  ]);
