import type { Effect, Facts, Row } from './facts.js';
import type { Plan } from './plan.js';
import { grouped, nameOf, type Violations } from './violations.js';

/** A settlement that was on its way when the next occurrence was decided counts as under way. */
const ON_ITS_WAY_MS = 1_000;

/** Where a job's policy is not `allow`, one run at a time, and no other reason to leave one out. */
export function checkOverlap({ rows, effects }: Facts, plans: Plan[], found: Violations): void {
  const effectsOf = grouped(effects, ({ run }) => run);
  const rowsOf = grouped(rows, ({ job }) => job);
  for (const { name, overlap } of plans) {
    const lanes = grouped(rowsOf.get(name) ?? [], ({ kind }) => kind);
    // Catch-up runs go one after the other whatever the policy.
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
        // Of one that was cut off it is not known when; it counts with its start.
        return { row, from, to: end?.at ?? from };
      });
  });
  let latest = { from: -Infinity, to: -Infinity };
  for (const execution of executions.toSorted((one, other) => one.from - other.from)) {
    if (execution.from < latest.to)
      found.sayDoubled('ran beside another of its job', execution.row, nameOf(execution.row));
    if (execution.to > latest.to) latest = execution;
  }
}

function checkRefusal(row: Row, lane: Row[], overlap: Plan['overlap'], found: Violations): void {
  if (row.reason === 'overlap') {
    const places = { allow: Infinity, skip: 1, queue: 2, replace: Infinity }[overlap];
    const taken = lane.filter((one) => one.at < row.at && isUnderWay(one, row.queued)).length;
    if (taken < places) found.say('was skipped though it had a place', nameOf(row));
  }
  if (row.reason === 'replaced') {
    const later = lane.some((one) => one.at > row.at && one.state !== 'missed' && one.reason !== 'overlap');
    if (overlap !== 'replace' || !later) found.say('was replaced by nothing', nameOf(row));
  }
}

const isUnderWay = ({ state, queued, finished }: Row, at: number) =>
  !['skipped', 'missed'].includes(state) && queued <= at && (finished === null || finished > at - ON_ITS_WAY_MS);
