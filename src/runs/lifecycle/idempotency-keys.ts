import type { EntityManager } from 'typeorm';
import { rows } from '../../database/transaction.js';
import { IdempotencyKeyReusedError } from '../../http/idempotency-key.js';

/** Makes runs once for each key within 24 hours, and answers their ids; without a key, each time. A request that fails leaves no
 *  key; one that meets its like waits for it to end. To be called before any other lock is taken. Throws IDEMPOTENCY_KEY_REUSED. */
export async function withIdempotencyKey(
  tx: EntityManager,
  key: string | undefined,
  request: object,
  make: () => Promise<string[]>,
): Promise<string[]> {
  if (key === undefined) return make();
  const taken = await rows(tx, take, [key, JSON.stringify(request)]);
  if (taken.length === 0) return madeBefore(tx, key, request);
  const runs = await make();
  await tx.query('UPDATE idempotency_keys SET runs = $2 WHERE key = $1', [key, runs]);
  return runs;
}

async function madeBefore(tx: EntityManager, key: string, request: object): Promise<string[]> {
  const [known] = await rows<{ runs: string[]; same: boolean }>(
    tx,
    `SELECT runs, request = ${digest} AS same FROM idempotency_keys WHERE key = $1`,
    [key, JSON.stringify(request)],
  );
  if (!known!.same) throw new IdempotencyKeyReusedError(key);
  return known!.runs;
}

// By way of jsonb, so that the order of fields makes no difference.
const digest = `sha256(convert_to($2::jsonb::text, 'UTF8'))`;
const take = `
  INSERT INTO idempotency_keys AS known (key, request, runs, created_at)
  VALUES ($1, ${digest}, '{}', statement_timestamp())
  ON CONFLICT (key) DO UPDATE SET request = excluded.request, runs = '{}', created_at = excluded.created_at
    WHERE known.created_at < statement_timestamp() - interval '24 hours'
  RETURNING key`;
