import type { Effect, Facts, Row } from './facts.js';
import type { Plan } from './plan.js';
import { grouped, nameOf, type Violations } from './violations.js';

/** A run that was being settled when the next occurrence was decided counts as unfinished for this long. */
const BEING_SETTLED_MS = 1_000;

/** Unless the policy is `allow`, a job has one run at a time, and an occurrence is skipped for no other reason. */
export function checkOverlap({ rows, effects }: Facts, plans: Plan[], found: Violations): void {
  const effectsOf = grouped(effects, ({ run }) => run);
  const rowsOf = grouped(rows, ({ job }) => job);
  for (const { name, overlap } of plans) {
    const lanes = grouped(rowsOf.get(name) ?? [], ({ kind }) => kind);
    // Catch-up runs go one after the other with any policy.
    for (const [kind, lane] of lanes) if (overlap !== 'allow' || kind === 'catch_up') checkLane(lane, effectsOf, found);
    for (const row of lanes.get('schedule') ?? []) checkRefusal(row, lanes.get('schedule')!, overlap, found);
  }
}

function checkLane(lane: Row[], effectsOf: Map<string, Effect[]>, found: Violations): void {
  const executions = lane.flatMap((row) => {
    const own = effectsOf.get(row.id) ?? [];
    return own
      .filter(({ phase }) => phase === 'start')
      .map(({ execution, at: from }) => {
        const end = own.find((one) => one.phase === 'end' && one.execution === execution);
        // It is unknown when an interrupted attempt ended, so only its start counts.
        return { row, from, to: end?.at ?? from };
      });
  });
  let latest = { from: -Infinity, to: -Infinity };
  for (const execution of executions.toSorted((one, other) => one.from - other.from)) {
    if (execution.from < latest.to)
      found.addDoubled('ran beside another of its job', execution.row, nameOf(execution.row));
    if (execution.to > latest.to) latest = execution;
  }
}

function checkRefusal(row: Row, lane: Row[], overlap: Plan['overlap'], found: Violations): void {
  if (row.reason === 'overlap') {
    const places = { allow: Infinity, skip: 1, queue: 2, replace: Infinity }[overlap];
    const taken = lane.filter((one) => one.at < row.at && isUnfinished(one, row.queued)).length;
    if (taken < places) found.add('was skipped though it had a place', nameOf(row));
  }
  if (row.reason === 'replaced') {
    const later = lane.some((one) => one.at > row.at && one.state !== 'missed' && one.reason !== 'overlap');
    if (overlap !== 'replace' || !later) found.add('was replaced by nothing', nameOf(row));
  }
}

const isUnfinished = ({ state, queued, finished }: Row, at: number) =>
  !['skipped', 'missed'].includes(state) && queued <= at && (finished === null || finished > at - BEING_SETTLED_MS);
