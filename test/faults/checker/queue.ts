import type { Facts } from './facts.js';
import { nameOf, type Violations } from './violations.js';

/** A run that waits has a queue entry, and each entry belongs to a run that waits. */
export function checkQueue({ rows, entries }: Facts, found: Violations): void {
  const byId = new Map(rows.map((row) => [row.id, row]));
  const queued = new Set(entries);
  for (const row of rows)
    if (row.state === 'pending' && !row.held && !queued.has(row.id))
      found.add('waits without a queue entry', nameOf(row));
  for (const run of entries) {
    const state = byId.get(run)?.state;
    if (state !== 'pending' && state !== 'retrying')
      found.add('is a queue entry without a waiting run', `of run ${run}`);
  }
}
