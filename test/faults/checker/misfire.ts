import type { Facts, Row } from './facts.js';
import type { Plan } from './plan.js';
import { grouped, nameOf, type Violations } from './violations.js';

/** Occurrences within grace run as usual. Of older ones the policy catches up with the latest, and the others are missed. */
export function checkMisfire({ rows }: Facts, plans: Plan[], found: Violations): void {
  const rowsOf = grouped(rows, ({ job }) => job);
  for (const plan of plans)
    // All rows of one transaction have the same time of queueing.
    for (const backlog of grouped(rowsOf.get(plan.name) ?? [], ({ queued }) => queued).values())
      checkBacklog(plan, backlog, found);
}

function checkBacklog({ misfire }: Plan, backlog: Row[], found: Violations): void {
  const { policy, graceSeconds, maxCatchUp } = misfire;
  const isOld = (row: Row) => row.queued - (row.until ?? row.at) > graceSeconds * 1000;
  const missed = backlog.filter(({ state }) => state === 'missed');
  const caughtUp = backlog.filter(({ kind }) => kind === 'catch_up');
  const onTime = backlog.filter((row) => !missed.includes(row) && !caughtUp.includes(row));
  const most = { skip: 0, once: onTime.length > 0 ? 0 : 1, all: maxCatchUp }[policy];

  for (const row of onTime) if (isOld(row)) found.add('ran as usual though it was older than its grace', nameOf(row));
  for (const row of caughtUp) if (!isOld(row)) found.add('was caught up within its grace', nameOf(row));
  for (const row of missed)
    if (!isOld(row) && onTime.length < maxCatchUp) found.add('was missed within its grace', nameOf(row));
  if (caughtUp.length > most) found.add(`was caught up more often than "${policy}" allows`, nameOf(caughtUp[0]!));
  if (missed.length > 0 && caughtUp.length < most)
    found.add(`was missed though "${policy}" would have caught it up`, nameOf(missed[0]!));
  // On either side of the grace, the latest occurrences run and the older ones are missed.
  const last = Math.max(...missed.filter(isOld).map(({ at, until }) => until ?? at));
  for (const row of caughtUp) if (row.at < last) found.add('was caught up in place of a later one', nameOf(row));
}
