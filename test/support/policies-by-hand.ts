/** An independent implementation of the policies of a job, written from API.md ("Misfire", "Overlap", "Pause a job"). It decides one
 *  occurrence after the other and imports nothing from src. */

/** The parts of a job that its policies depend on. All times are milliseconds in UTC. */
export interface Situation {
  /** Every occurrence that has no row yet, the oldest first, up to long after `now`. There is no jitter. */
  instants: number[];
  now: number;
  /** Whether the job is paused. */
  paused: boolean;
  /** When the last pause of the scheduler ended; null: never. */
  resumedAt: number | null;
  misfire: { policy: 'skip' | 'once' | 'all'; graceSeconds: number; maxCatchUp: number };
  overlap: 'allow' | 'skip' | 'queue' | 'replace';
  /** Unfinished runs of kind `schedule` and `manual`: those that run, that are queued or wait for a retry, and that are held. */
  scheduled: Unfinished;
  /** Unfinished runs of kind `catch_up`. */
  catchUp: Unfinished;
}

export interface Unfinished {
  running: number;
  waiting: number;
  held: number;
}

/** A row of the history. */
export interface Row {
  kind: 'schedule' | 'catch_up';
  state: 'pending' | 'skipped' | 'missed';
  reason: string | null;
  /** Pending, and waiting for other runs to end. */
  held: boolean;
  at: number;
  /** Set in a row for a range: its last instant and the number of its instants. */
  range?: { to: number; count: number | null };
}

const MAX_COUNTED = 10_000;

/** The rows for all due occurrences, and the first occurrence that is not due yet. */
export function rowsByHand(situation: Situation): { rows: Row[]; next: number | null } {
  const { instants, now, paused, resumedAt } = situation;
  const due = instants.filter((at) => at <= now);
  const next = instants.find((at) => at > now) ?? null;

  // A pause of the job still lasts. A pause of the scheduler has ended.
  const pausedUntil = paused ? now : (resumedAt ?? Number.NEGATIVE_INFINITY);
  const inPause = due.filter((at) => at <= pausedUntil);
  const backlog = due.filter((at) => at > pausedUntil);

  const rows = [...asRange(inPause, 'skipped', 'paused'), ...backlogRows(backlog, situation)];
  return { rows, next };
}

function backlogRows(backlog: number[], situation: Situation): Row[] {
  const { now, misfire } = situation;
  const isLate = (at: number) => now - at > Math.round(misfire.graceSeconds * 1000);
  const late = backlog.filter(isLate);
  const onTime = latest(
    backlog.filter((at) => !isLate(at)),
    misfire.maxCatchUp,
  );
  const mostCatchUp = { skip: 0, once: onTime.length > 0 ? 0 : 1, all: misfire.maxCatchUp };
  const catchUp = latest(late, mostCatchUp[misfire.policy]);

  const rows: Row[] = [];
  let missed: number[] = [];
  const endRange = () => {
    rows.push(...asRange(missed, 'missed', 'misfire'));
    missed = [];
  };
  const scheduled = scheduledRows(onTime, situation);
  const isBusy = countOf(situation.catchUp) > 0;
  for (const at of backlog)
    if (catchUp.includes(at)) {
      endRange();
      rows.push({ kind: 'catch_up', state: 'pending', reason: null, held: isBusy || at !== catchUp[0], at });
    } else if (onTime.includes(at)) {
      endRange();
      rows.push(scheduled.shift()!);
    } else missed.push(at);
  endRange();
  return rows;
}

/** Applies the overlap policy to one occurrence after the other. */
function scheduledRows(occurrences: number[], { overlap, scheduled }: Situation): Row[] {
  // The unfinished runs when an occurrence starts, including those of the occurrences before it.
  let [unfinished, held] = [countOf(scheduled), scheduled.held];
  return occurrences.map((at, index): Row => {
    const row = { kind: 'schedule', reason: null, held: false, at } as const;
    const start = (): Row => {
      unfinished += 1;
      return { ...row, state: 'pending' };
    };
    const hold = (): Row => {
      held += 1;
      return { ...row, state: 'pending', held: true };
    };
    const skip = (reason: string): Row => ({ ...row, state: 'skipped', reason });
    if (overlap === 'allow') return start();
    if (overlap === 'skip') return unfinished > 0 ? skip('overlap') : start();
    if (overlap === 'queue') return unfinished === 0 ? start() : held === 0 ? hold() : skip('overlap');
    // `replace`: a later occurrence replaces this one before it starts. The last one starts at once, unless a run is running:
    // that one takes time to stop.
    if (index < occurrences.length - 1) return skip('replaced');
    return scheduled.running > 0 ? hold() : start();
  });
}

const countOf = ({ running, waiting, held }: Unfinished) => running + waiting + held;

const latest = (instants: number[], count: number) => instants.slice(Math.max(0, instants.length - count));

/** One row for all of these instants, or none if there are no instants. */
function asRange(instants: number[], state: 'skipped' | 'missed', reason: string): Row[] {
  const [at] = instants;
  if (at === undefined) return [];
  const count = instants.length > MAX_COUNTED ? null : instants.length;
  return [{ kind: 'schedule', state, reason, held: false, at, range: { to: instants.at(-1)!, count } }];
}
