import type { Facts } from './facts.js';
import { nameOf, type Violations } from './violations.js';

/** A run that waits has its ticket, and each ticket is that of a run. */
export function checkTickets({ rows, tickets }: Facts, found: Violations): void {
  const byId = new Map(rows.map((row) => [row.id, row]));
  const there = new Set(tickets.map(({ id }) => id));
  for (const row of rows)
    if (row.state === 'pending' && !row.held && !there.has(row.ticket ?? ''))
      found.say('waits without a ticket', nameOf(row));
  for (const { id, run } of tickets)
    if (byId.get(run)?.ticket !== id) found.say('is a ticket without its run', `${id} of run ${run}`);
}
