/** The smallest id that a run queued at `date` or later can have. A run's id is a UUID of version 7 whose milliseconds
 *  are those of `queued_at`. So runs are ordered by their ids, and the primary key replaces an index on `queued_at`. */
export function firstIdAt(date: Date): string {
  const hex = Math.max(date.getTime(), 0).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}

/** The same in SQL, for an expression of type timestamptz. */
export const firstIdAtSql = (at: string): string =>
  `(lpad(to_hex(greatest(floor(extract(epoch FROM ${at}) * 1000), 0)::bigint), 12, '0') || '70008000000000000000')::uuid`;

/** When the run with this id was queued. */
export const queuedAtOf = (id: string): Date => new Date(Number.parseInt(id.replace('-', '').slice(0, 12), 16));
