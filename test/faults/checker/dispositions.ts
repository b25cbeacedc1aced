import type { Facts, Row } from './facts.js';
import { type Grid, instantsOf, type Plan } from './plan.js';
import { grouped, occurrence, type Violations } from './violations.js';

/** Each planned instant has exactly one disposition, and nothing else has one. Returns the number of instants. */
export function checkDispositions({ rows }: Facts, plans: Plan[], found: Violations): number {
  const rowsOf = grouped(rows, ({ job }) => job);
  let occurrences = 0;
  for (const { name, grids } of plans) {
    const own = rowsOf.get(name) ?? [];
    const ranges = own.filter(({ until }) => until !== null);
    const single = grouped(
      own.filter(({ until }) => until === null),
      ({ at }) => at,
    );
    const planned = new Map(grids.flatMap((grid) => instantsOf(grid).map((at) => [at, grid] as const)));
    const instants = [...planned.keys()];
    occurrences += instants.length;
    for (const [at, grid] of planned) {
      const covering = ranges.filter((range) => range.at <= at && at <= range.until!);
      checkInstant({ job: name, at }, [...(single.get(at) ?? []), ...covering], grid, found);
    }
    for (const at of single.keys()) if (!planned.has(at)) found.add('is no instant of its job', occurrence(name, at));
    for (const range of ranges) checkRange(range, instants, found);
  }
  const known = new Set(plans.map(({ name }) => name));
  for (const job of rowsOf.keys()) if (!known.has(job)) found.add('was never planned', job);
  return occurrences;
}

function checkInstant(which: { job: string; at: number }, rows: Row[], { edition }: Grid, found: Violations): void {
  const name = occurrence(which.job, which.at);
  if (rows.length === 0) {
    found.lost += 1;
    found.add('has no disposition', name);
  }
  if (rows.length > 1) found.addDoubled('has more than one disposition', which, `${name} (${rows.length})`);
  if (edition === undefined) return;
  for (const row of rows) {
    if (row.edition !== edition) found.add('has the definition of another edition', `${name} (${row.edition})`);
    if (row.output && row.output.edition !== row.edition)
      found.add('was run with the input of another edition', `${name} (${row.output.edition})`);
  }
}

function checkRange({ job, at, until, count }: Row, instants: number[], found: Violations): void {
  const covered = instants.filter((instant) => at <= instant && instant <= until!).length;
  if (count !== covered)
    found.add('is a range with a wrong count', `${occurrence(job, at)} (${count}, not ${covered})`);
}
