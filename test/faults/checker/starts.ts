import type { Effect, Facts, Row } from './facts.js';
import type { Plan } from './plan.js';
import { type Step, reachedAt } from './steps.js';
import { grouped, nameOf, type Violations } from './violations.js';

/** Nothing starts early or twice, an attempt follows one that has ended, and only the current attempt settles the run. Returns
 *  the number of starts that were not the first of their run. Runs in `forgotten` must have ended, and their starts are not checked. */
export function checkStarts(
  facts: Facts,
  plans: Plan[],
  steps: Step[],
  found: Violations,
  forgotten = new Set<string>(),
): number {
  const { rows, effects, attempts } = facts;
  const planOf = new Map(plans.map((plan) => [plan.name, plan]));
  const effectsOf = grouped(effects, ({ run }) => run);
  const lastSignOf = new Map(effects.map(({ pid, at }) => [pid, at]));
  let reruns = 0;
  for (const row of rows) {
    if (forgotten.has(row.id)) {
      checkEnded(row, found);
      continue;
    }
    const own = effectsOf.get(row.id) ?? [];
    const starts = own.filter(({ phase }) => phase === 'start');
    const plan = planOf.get(row.job);
    reruns += Math.max(0, starts.length - 1);
    checkTimes(row, starts, steps, found);
    checkAttempts(row, starts, attempts.get(row.id) ?? new Set(), lastSignOf, found);
    if (plan?.onInterruption === 'fail' && starts.length > 1)
      found.addDoubled('was started again though onInterruption is fail', row, nameOf(row));
    checkEnd(row, own, plan?.transactional ?? false, found);
  }
  const known = new Set(rows.map(({ id }) => id));
  for (const run of effectsOf.keys())
    if (!known.has(run) && !forgotten.has(run)) found.add('is an effect without a run', run);
  return reruns;
}

/** A clock that was set back reaches an instant again. With steps, the first time counts. */
function checkTimes(row: Row, starts: Effect[], steps: Step[], found: Violations): void {
  const name = nameOf(row);
  if (steps.length === 0 && row.started !== null && row.started < row.at)
    found.add('was claimed before its instant', name);
  for (const { at, local, scheduled, job } of starts) {
    const early = steps.length === 0 ? at < scheduled : local < reachedAt(scheduled, steps);
    if (early) found.add('was started before its instant', name);
    if (job !== row.job || scheduled !== row.at) found.add('was handed to the task as another occurrence', name);
  }
}

/** The end of each attempt but the last is recorded, with one exception: a process that has claimed a run ahead dies before that is
 *  known to have started. `lastSignOf` has the last effect of each process. */
function checkAttempts(
  row: Row,
  starts: Effect[],
  ended: Set<number>,
  lastSignOf: Map<number, number>,
  found: Violations,
): void {
  const name = nameOf(row);
  for (const [attempt, again] of grouped(starts, (start) => start.attempt)) {
    if (attempt > row.attempt) found.add('has an effect of an attempt that was never claimed', name);
    if (again.length > 1) found.addDoubled('has an attempt that was started twice', row, name);
  }
  for (const start of starts) {
    const next = starts.find(({ attempt }) => attempt > start.attempt && attempt <= row.attempt);
    if (next && !ended.has(start.attempt) && lastSignOf.get(start.pid)! >= next.at)
      found.addDoubled('was claimed again though nothing had ended the attempt before', row, name);
  }
}

function checkEnded(row: Row, found: Violations): void {
  if (['pending', 'running', 'retrying'].includes(row.state)) found.add('is stuck', nameOf(row));
}

function checkEnd(row: Row, effects: Effect[], transactional: boolean, found: Violations): void {
  const name = nameOf(row);
  const ends = effects.filter(({ phase }) => phase === 'end');
  checkEnded(row, found);
  if (['skipped', 'missed'].includes(row.state) && effects.length > 0)
    found.add('was started though it is final', name);
  if (row.state === 'succeeded') {
    const winner = effects.find(({ phase, execution }) => phase === 'start' && execution === row.output?.execution);
    if (winner?.attempt !== row.attempt || row.output?.attempt !== row.attempt)
      found.add('was settled by a stale attempt', `${name}, output of attempt ${row.output?.attempt}`);
    else if (!ends.some(({ execution }) => execution === winner.execution))
      found.add('succeeded without the effect of its end', name);
  }
  if (!transactional) return;
  if (row.state !== 'succeeded' && ends.length > 0) found.add('has writes of a transaction that did not succeed', name);
  if (ends.length > 1) found.addDoubled('has the writes of its transaction more than once', row, name);
}
