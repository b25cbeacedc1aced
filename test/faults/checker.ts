import { ask } from '../support/ask.js';

/** What a job of the suite was told to do. The checker works out from this alone what has to have happened. */
export interface Plan {
  name: string;
  /** The grid: anchorMs + n × everyMs, from fromMs to untilMs, both included. Milliseconds since 1970. */
  everyMs: number;
  anchorMs: number;
  fromMs: number;
  untilMs: number;
  onInterruption: 'rerun' | 'fail';
}

export interface Findings {
  /** One sentence each; empty: all that was promised was kept. */
  violations: string[];
  figures: {
    occurrences: number;
    succeeded: number;
    failed: number;
    missed: number;
    skipped: number;
    /** Occurrences without any disposition. */
    lost: number;
    /** Occurrences with two rows, or whose attempt was started twice, or that were started again though nothing had ended them. */
    doubled: number;
    /** Starts after the first, each after an attempt that was ended on record. */
    reruns: number;
    latenessMs: { median: number; max: number };
  };
}

interface Row {
  id: string;
  job: string;
  state: string;
  reason: string | null;
  attempt: number;
  at: number;
  until: number | null;
  count: number | null;
  ticket: string | null;
  held: boolean;
  started: number | null;
  finished: number | null;
  output: { attempt?: number; execution?: string } | null;
}

interface Effect {
  execution: string;
  run: string;
  job: string;
  scheduled: number;
  attempt: number;
  phase: 'start' | 'end';
  at: number;
}

/** The table that the task writes: a row at its start and one at its end, by the database's clock. */
export const EFFECTS = `CREATE TABLE public.effects (
  execution uuid NOT NULL, phase text NOT NULL, job text NOT NULL, scheduled_at timestamptz NOT NULL, run uuid NOT NULL,
  attempt integer NOT NULL, pid integer NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (execution, phase))`;

/** Every instant of a plan; arithmetic of its own, shared with nothing that is under test. */
export function instantsOf({ everyMs, anchorMs, fromMs, untilMs }: Plan): number[] {
  const instants: number[] = [];
  const behind = (((fromMs - anchorMs) % everyMs) + everyMs) % everyMs;
  for (let at = behind === 0 ? fromMs : fromMs - behind + everyMs; at <= untilMs; at += everyMs) instants.push(at);
  return instants;
}

const MOST_SAID = 5;

/** Compares what was planned with the rows and the effects that are there once everything is quiet. */
export async function check(url: string, plans: Plan[]): Promise<Findings> {
  const { rows, effects, attempts, tickets } = await read(url);
  const said = new Map<string, string[]>();
  const say = (what: string, which: string) => said.set(what, [...(said.get(what) ?? []), which]);
  const byPlan = new Map(plans.map((plan) => [plan.name, plan]));
  const starts = grouped(
    effects.filter(({ phase }) => phase === 'start'),
    ({ run }) => run,
  );
  const ends = new Set(effects.filter(({ phase }) => phase === 'end').map(({ execution }) => execution));
  const doubled = new Set<string>();

  // Each instant: one disposition, no more and no less.
  const rowsOf = grouped(rows, ({ job }) => job);
  let occurrences = 0;
  let lost = 0;
  for (const plan of plans) {
    const own = rowsOf.get(plan.name) ?? [];
    const ranges = own.filter(({ until }) => until !== null);
    const single = grouped(
      own.filter(({ until }) => until === null),
      ({ at }) => at,
    );
    const instants = instantsOf(plan);
    const planned = new Set(instants);
    occurrences += instants.length;
    for (const at of instants) {
      const found = (single.get(at)?.length ?? 0) + ranges.filter((row) => row.at <= at && at <= row.until!).length;
      if (found === 0) {
        lost += 1;
        say('has no disposition', occurrence(plan.name, at));
      }
      if (found > 1) {
        doubled.add(`${plan.name} ${at}`);
        say(`has more than one disposition`, `${occurrence(plan.name, at)} (${found})`);
      }
    }
    for (const at of single.keys()) if (!planned.has(at)) say('is no instant of its job', occurrence(plan.name, at));
    for (const { at, until, count } of ranges) {
      const covered = instants.filter((instant) => at <= instant && instant <= until!).length;
      if (count !== covered)
        say('is a range with a wrong count', `${occurrence(plan.name, at)} (${count}, not ${covered})`);
    }
  }
  for (const job of rowsOf.keys()) if (!byPlan.has(job)) say('was never planned', job);

  let reruns = 0;
  const known = new Set(rows.map(({ id }) => id));
  for (const row of rows) {
    const name = `${occurrence(row.job, row.at)} (run ${row.id}, ${row.state} ${row.reason ?? ''}, attempt ${row.attempt})`;
    const started = (starts.get(row.id) ?? []).toSorted((one, other) => one.at - other.at);
    const ended = attempts.get(row.id) ?? new Set<number>();

    if (['pending', 'running', 'retrying'].includes(row.state)) say('is stuck', name);
    if (row.state === 'pending' && !row.held && !tickets.some(({ id }) => id === row.ticket))
      say('waits without a ticket', name);
    if (row.started !== null && row.started < row.at) say('was claimed before its instant', name);

    for (const one of started) {
      if (one.at < one.scheduled) say('was started before its instant', name);
      if (one.job !== row.job || one.scheduled !== row.at) say('was handed to the task as another occurrence', name);
      if (one.attempt > row.attempt) say('has an effect of an attempt that was never claimed', name);
    }
    for (const attempt of new Set(started.map((one) => one.attempt))) {
      if (started.filter((one) => one.attempt === attempt).length > 1) {
        doubled.add(`${row.job} ${row.at}`);
        say('has an attempt that was started twice', name);
      }
    }
    // Each attempt before the last one was ended on record before the next was made.
    for (let attempt = 1; attempt < row.attempt; attempt += 1) {
      if (ended.has(attempt)) continue;
      doubled.add(`${row.job} ${row.at}`);
      say('was claimed again though nothing had ended the attempt before', name);
    }
    reruns += Math.max(0, started.length - 1);
    if (byPlan.get(row.job)?.onInterruption === 'fail' && started.length > 1) {
      doubled.add(`${row.job} ${row.at}`);
      say('was started again though onInterruption is fail', name);
    }
    if (row.state === 'succeeded') {
      const winner = started.find(({ execution }) => execution === row.output?.execution);
      if (!winner || row.output?.attempt !== row.attempt || winner.attempt !== row.attempt)
        say('was settled by a stale attempt', `${name}, output of attempt ${row.output?.attempt}`);
      else if (!ends.has(winner.execution)) say('succeeded without the effect of its end', name);
    }
    if (['skipped', 'missed'].includes(row.state) && started.length > 0) say('was started though it is final', name);
  }
  for (const run of starts.keys()) if (!known.has(run)) say('is an effect without a run', run);
  for (const { id, run } of tickets) {
    const row = rows.find((one) => one.id === run);
    if (!row || row.ticket !== id) say('is a ticket without its run', `${id} of run ${run}`);
  }

  const lateness = rows.flatMap(({ started, at, attempt }) =>
    started !== null && attempt === 1 ? [started - at] : [],
  );
  const inState = (...states: string[]) => rows.filter(({ state }) => states.includes(state)).length;
  return {
    violations: [...said].map(
      ([what, which]) =>
        `${which.length} × ${what}: ${which.slice(0, MOST_SAID).join('; ')}${which.length > MOST_SAID ? '; …' : ''}`,
    ),
    figures: {
      occurrences,
      succeeded: inState('succeeded'),
      failed: inState('failed', 'timed_out', 'cancelled'),
      missed: inState('missed'),
      skipped: inState('skipped'),
      lost,
      doubled: doubled.size,
      reruns,
      latenessMs: middle(lateness),
    },
  };
}

export function middle(values: number[]): { median: number; max: number } {
  const sorted = values.toSorted((one, other) => one - other);
  return { median: Math.round(sorted[Math.floor(sorted.length / 2)] ?? 0), max: Math.round(sorted.at(-1) ?? 0) };
}

const ms = (column: string) => `(extract(epoch FROM ${column}) * 1000)::float8`;

async function read(url: string) {
  const rows = (await ask(
    url,
    `SELECT id, job, state, reason, attempt, ${ms('scheduled_at')} AS at, ${ms('missed_to')} AS until, missed_count AS count,
       ticket, held, ${ms('started_at')} AS started, ${ms('finished_at')} AS finished, output
     FROM cronzimus.runs WHERE kind IN ('schedule', 'catch_up')`,
  )) as unknown as Row[];
  const effects = (await ask(
    url,
    `SELECT execution, run, job, ${ms('scheduled_at')} AS scheduled, attempt, phase, ${ms('at')} AS at FROM public.effects`,
  )) as unknown as Effect[];
  const recorded = (await ask(url, 'SELECT run_id, number FROM cronzimus.run_attempts')) as unknown as {
    run_id: string;
    number: number;
  }[];
  const tickets = (await ask(
    url,
    `SELECT id, data->>'runId' AS run FROM cronzimus_queue.job WHERE name = 'runs'`,
  )) as unknown as { id: string; run: string }[];
  const attempts = new Map<string, Set<number>>();
  for (const { run_id, number } of recorded) attempts.set(run_id, (attempts.get(run_id) ?? new Set()).add(number));
  return { rows, effects, attempts, tickets };
}

function grouped<T, K>(items: T[], key: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group) group.push(item);
    else groups.set(key(item), [item]);
  }
  return groups;
}

const occurrence = (job: string, at: number) => `${job} at ${new Date(at).toISOString()}`;
