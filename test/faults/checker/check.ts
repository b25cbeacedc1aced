import { checkDispositions } from './dispositions.js';
import { readFacts, type Row } from './facts.js';
import { checkMisfire } from './misfire.js';
import { checkOverlap } from './overlap.js';
import { type Loss, touchedBy } from './loss.js';
import type { Plan } from './plan.js';
import { checkStarts } from './starts.js';
import type { Step } from './steps.js';
import { checkQueue } from './queue.js';
import { Violations } from './violations.js';

export interface Findings {
  /** One sentence for each kind of violation. Empty: every promise was kept. */
  violations: string[];
  figures: {
    occurrences: number;
    succeeded: number;
    failed: number;
    missed: number;
    skipped: number;
    lost: number;
    doubled: number;
    /** Starts after the first one, each after an attempt whose end is recorded. */
    reruns: number;
    latenessMs: { median: number; max: number };
  };
}

/** Compares the plan with the rows and the effects that exist once nothing is due or running. Imports nothing of the code under test.
 *  `steps`: changes of the database's clock. `loss`: runs with effects in this time may have been started again. */
export async function check(
  url: string,
  plans: Plan[],
  steps: Step[] = [],
  effectsUrl = url,
  loss?: Loss,
): Promise<Findings> {
  const facts = await readFacts(url, effectsUrl);
  const found = new Violations();
  const occurrences = checkDispositions(facts, plans, found);
  const reruns = checkStarts(facts, plans, steps, found, touchedBy(facts, loss));
  checkQueue(facts, found);
  checkMisfire(facts, plans, found);
  checkOverlap(facts, plans, found);

  const inState = (...states: string[]) => facts.rows.filter(({ state }) => states.includes(state));
  const lateness = facts.rows.flatMap(({ kind, started, at, attempt }) =>
    kind === 'schedule' && started !== null && attempt === 1 ? [started - at] : [],
  );
  return {
    violations: found.sentences,
    figures: {
      occurrences,
      succeeded: inState('succeeded').length,
      failed: inState('failed', 'timed_out', 'cancelled').length,
      missed: instants(inState('missed')),
      skipped: instants(inState('skipped')),
      lost: found.lost,
      doubled: found.doubled.size,
      reruns,
      latenessMs: medianAndMax(lateness),
    },
  };
}

/** A row for a range counts as many instants as it has. */
const instants = (rows: Row[]) => rows.reduce((sum, { count }) => sum + (count ?? 1), 0);

export function medianAndMax(values: number[]): { median: number; max: number } {
  const sorted = values.toSorted((one, other) => one - other);
  return { median: Math.round(sorted[Math.floor(sorted.length / 2)] ?? 0), max: Math.round(sorted.at(-1) ?? 0) };
}
