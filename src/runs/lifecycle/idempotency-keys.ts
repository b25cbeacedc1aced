import type { EntityManager } from 'typeorm';
import { rows } from '../../database/transaction.js';
import { IdempotencyKeyReusedError } from '../../http/idempotency-key.js';

/**
 * Calls `create` once for each key within 24 hours, and returns the ids of the runs that it created. A repeated request
 * gets the ids of the first one. Without a key, it calls `create` each time.
 *
 * The key is written in the same transaction as the runs, so a request that fails leaves no key. A second request with
 * the same key waits for the first one to commit or roll back, because both insert the same primary key. Call this
 * before the transaction takes any other lock. Otherwise a waiting request would hold locks that the first one needs.
 *
 * Throws IDEMPOTENCY_KEY_REUSED if the key was used for a different request.
 */
export async function withIdempotencyKey(
  tx: EntityManager,
  key: string | undefined,
  request: object,
  create: () => Promise<string[]>,
): Promise<string[]> {
  if (key === undefined) return create();
  const inserted = await rows(tx, insertKey, [key, JSON.stringify(request)]);
  if (inserted.length === 0) return storedRuns(tx, key, request);
  const runs = await create();
  await tx.query('UPDATE idempotency_keys SET runs = $2 WHERE key = $1', [key, runs]);
  return runs;
}

async function storedRuns(tx: EntityManager, key: string, request: object): Promise<string[]> {
  const [known] = await rows<{ runs: string[]; same: boolean }>(
    tx,
    `SELECT runs, request = ${digest} AS same FROM idempotency_keys WHERE key = $1`,
    [key, JSON.stringify(request)],
  );
  if (!known!.same) throw new IdempotencyKeyReusedError(key);
  return known!.runs;
}

// The cast to jsonb sorts the fields, so their order in the request makes no difference.
const digest = `sha256(convert_to($2::jsonb::text, 'UTF8'))`;
// The UPDATE takes over a key that has expired. A key in use matches nothing, and the statement returns no row.
const insertKey = `
  INSERT INTO idempotency_keys AS known (key, request, runs, created_at)
  VALUES ($1, ${digest}, '{}', statement_timestamp())
  ON CONFLICT (key) DO UPDATE SET request = excluded.request, runs = '{}', created_at = excluded.created_at
    WHERE known.created_at < statement_timestamp() - interval '24 hours'
  RETURNING key`;
