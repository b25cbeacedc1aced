import { runSql } from '../../support/run-sql.js';

/** A row of the history. Times are milliseconds since 1970, by the database's clock. */
export interface Row {
  id: string;
  job: string;
  kind: string;
  state: string;
  reason: string | null;
  attempt: number;
  at: number;
  /** Of a row for a range: its last instant, and the number of instants. */
  until: number | null;
  count: number | null;
  held: boolean;
  queued: number;
  started: number | null;
  finished: number | null;
  edition: number | null;
  output: { attempt?: number; execution?: string; edition?: number } | null;
}

/** The row that a task wrote when it began or ended. */
export interface Effect {
  execution: string;
  run: string;
  job: string;
  scheduled: number;
  attempt: number;
  pid: number;
  phase: 'start' | 'end';
  /** By the database's clock, and by the clock of the process. */
  at: number;
  local: number;
}

export interface Facts {
  rows: Row[];
  effects: Effect[];
  /** By run: the numbers of the attempts that are recorded as ended without success. */
  attempts: Map<string, Set<number>>;
  /** The runs that have a queue entry. */
  entries: string[];
}

/** The table that tasks write: one row at the start and one at the end. */
export const EFFECTS = `CREATE TABLE public.effects (
  execution uuid NOT NULL, phase text NOT NULL, job text NOT NULL, scheduled_at timestamptz NOT NULL, run uuid NOT NULL,
  attempt integer NOT NULL, pid integer NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp(),
  local timestamptz NOT NULL, PRIMARY KEY (execution, phase))`;

const ms = (column: string) => `(extract(epoch FROM ${column}) * 1000)::float8`;

/** The jobs that the service has by itself. They may become due when a scenario changes the clock of the database. */
const OWN_JOBS = `'prune-runs', 'ledger.check'`;

/** All rows and effects that exist once nothing is due or running. */
export async function readFacts(url: string, effectsUrl: string): Promise<Facts> {
  const read = async <T>(statement: string, from = url) => (await runSql(from, statement)) as T[];
  const rows = await read<Row>(
    `SELECT id, job, kind, state, reason, attempt, ${ms('scheduled_at')} AS at, ${ms('missed_to')} AS until,
       missed_count AS count, held, ${ms('queued_at')} AS queued, ${ms('started_at')} AS started,
       ${ms('finished_at')} AS finished, (input->>'edition')::int AS edition, output
     FROM cronzimus.runs WHERE kind IN ('schedule', 'catch_up') AND job NOT IN (${OWN_JOBS})`,
  );
  const effects = await read<Effect>(
    `SELECT execution, run, job, ${ms('scheduled_at')} AS scheduled, attempt, pid, phase, ${ms('at')} AS at,
       ${ms('local')} AS local FROM public.effects ORDER BY at`,
    effectsUrl,
  );
  const recorded = await read<{ run: string; number: number }>(
    'SELECT run_id AS run, number FROM cronzimus.run_attempts',
  );
  const queued = await read<{ run: string }>('SELECT run_id AS run FROM cronzimus.run_queue');
  const attempts = new Map<string, Set<number>>();
  for (const { run, number } of recorded) attempts.set(run, (attempts.get(run) ?? new Set()).add(number));
  return { rows, effects, attempts, entries: queued.map(({ run }) => run) };
}
