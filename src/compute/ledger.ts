import {
  type LedgerEntry,
  ledgerEntries,
  type LedgerJob,
  type LedgerRow,
  type OpenVersion,
  openVersions,
  type WrongRange,
} from './ledger-entries.js';

/** What is known besides the jobs. Times are milliseconds since 1970. */
export interface LedgerScope {
  from: number;
  /** Included. */
  to: number;
  /** By the database's clock, read before the rows. */
  now: number;
  schedulerPaused: boolean;
  /** Runs that ended before this are deleted. Null: none. */
  prunedUntil: number | null;
  /** The ranges in which the database is known to have lost committed data, both ends included. `from` is null where it is not known. */
  losses: { from: number | null; until: number }[];
}

/**
 * What became of an instant. `ran` includes runs that wait. `paused`: the pause goes on, and there is no row yet. `waiting`: it is not due
 * yet, or has been for less than the grace. `overdue`: it is due and has no row, but dispatching has not passed it. `no_row`: dispatching
 * has passed it. `lost`: as `no_row`, but the database is known to have lost data of that time. `not_asked_for`: it has a row, but no definition asks for it. `wrong_range`: a row for a range has other instants than
 * the definitions ask for. `doubled`: it has two rows. `pruned`: its row may have been deleted by now. `not_provable`: as `no_row` or
 * `not_asked_for`, but it depends on time zone data or definitions that are not known here. `unknown`: before the kept definitions.
 */
export const dispositions = [
  'ran',
  'skipped',
  'missed',
  'paused',
  'waiting',
  'overdue',
  'no_row',
  'lost',
  'not_asked_for',
  'wrong_range',
  'doubled',
  'pruned',
  'not_provable',
  'unknown',
] as const;
export type Disposition = (typeof dispositions)[number];

/** How long after it is due an occurrence may be without a row: a dispatch may be under load, and its transaction open. */
const GRACE_MS = 60_000;

interface JudgedEntry extends LedgerEntry {
  disposition: Disposition;
}

/** Says for each instant in the scope what became of it. It shares no code with the dispatcher: it computes *which* instants the
 *  definitions ask for, and compares them with the rows. */
function* judgedEntries(
  job: LedgerJob,
  scope: LedgerScope,
  onWrongRange?: (range: WrongRange) => void,
): Generator<JudgedEntry> {
  const versions = openVersions(job);
  for (const entry of ledgerEntries(versions, job.rows, scope.from, scope.to, onWrongRange))
    yield { ...entry, disposition: dispositionOf(job, versions, entry, scope) };
}

function dispositionOf(
  { now }: LedgerJob,
  versions: OpenVersion[],
  { at, version, rows }: LedgerEntry,
  { now: clock, schedulerPaused, prunedUntil, losses }: LedgerScope,
): Disposition {
  const [row, other] = rows;
  if (other) return 'doubled';
  if (!version) return isKnownAt(versions, at) ? 'not_asked_for' : 'not_provable';
  if (row) return row.state === 'skipped' || row.state === 'missed' ? row.state : 'ran';
  const due = at + version.opened.delay(new Date(at));
  if (due > clock) return 'waiting';
  if (prunedUntil !== null && at < prunedUntil) return 'pruned';
  if (now?.paused && due >= (now.pausedAt ?? -Infinity) && due < (now.pausedUntil ?? Infinity)) return 'paused';
  const isAhead = now !== null && now.next !== null && at >= now.next;
  if (isAhead && schedulerPaused) return 'paused';
  if (due > clock - GRACE_MS) return 'waiting';
  if (isAhead) return 'overdue';
  if (!version.isProvable) return 'not_provable';
  return losses.some(({ from, until }) => due >= (from ?? -Infinity) && due <= until) ? 'lost' : 'no_row';
}

/** Whether it is known which instants around `at` a definition asks for, or that there was no definition. */
function isKnownAt(versions: OpenVersion[], at: number): boolean {
  const version = versions.findLast(({ from, first }) => at > from || (first !== null && at >= first));
  return version ? version.isProvable : versions[0]?.earlierUnknown === false;
}

export interface LedgerCounts {
  /** Instants that definitions ask for. */
  expected: number;
  ran: number;
  skipped: number;
  missed: number;
  /** Not due yet, or paused. */
  waiting: number;
  /** Dispositions `overdue`, `no_row`, `not_asked_for` and `wrong_range`. */
  unexplained: number;
  /** Disposition `lost`. */
  lost: number;
  doubled: number;
  notProvable: number;
}

export const NO_COUNTS: LedgerCounts = {
  expected: 0,
  ran: 0,
  skipped: 0,
  missed: 0,
  waiting: 0,
  unexplained: 0,
  lost: 0,
  doubled: 0,
  notProvable: 0,
};

const counted = {
  ran: 'ran',
  skipped: 'skipped',
  missed: 'missed',
  paused: 'waiting',
  waiting: 'waiting',
  overdue: 'unexplained',
  no_row: 'unexplained',
  lost: 'lost',
  not_asked_for: 'unexplained',
  wrong_range: 'unexplained',
  doubled: 'doubled',
  pruned: 'notProvable',
  not_provable: 'notProvable',
  unknown: 'notProvable',
} as const satisfies Record<Disposition, keyof LedgerCounts>;

export interface LedgerFinding {
  job: string;
  at: number;
  what: Disposition;
}

export interface LedgerCheckInput {
  /** JSON of LedgerJob[], as the database has written it. */
  jobs: string;
  scope: LedgerScope;
  /** The most instants, and the most milliseconds. The first job is completed unless it alone has more instants. */
  most: { instants: number; ms: number; findings: number };
}

export interface LedgerCheckResult {
  /** How many of the jobs are checked, from the first on. 0: the first has too many instants in the scope. */
  done: number;
  counts: LedgerCounts;
  findings: LedgerFinding[];
}

/** Checks jobs in their order, as many as the limits allow. */
export function checkLedger({ jobs: text, scope, most }: LedgerCheckInput): LedgerCheckResult {
  const jobs = JSON.parse(text) as LedgerJob[];
  const until = performance.now() + most.ms;
  const total = { ...NO_COUNTS };
  const findings: LedgerFinding[] = [];
  for (const [done, job] of jobs.entries()) {
    if (performance.now() > until && done > 0) return { done, counts: total, findings };
    const checked = checkJob(job, scope, most.instants - total.expected);
    if (!checked) return { done, counts: total, findings };
    for (const [key, count] of Object.entries(checked.counts)) total[key as keyof LedgerCounts] += count;
    findings.push(...checked.findings.slice(0, most.findings - findings.length));
  }
  return { done: jobs.length, counts: total, findings };
}

/** Null: the job has more than `most` instants in the scope. */
function checkJob(job: LedgerJob, scope: LedgerScope, most: number) {
  const counts = { ...NO_COUNTS };
  const findings: LedgerFinding[] = [];
  const add = (at: number, what: Disposition) => {
    const key = counted[what];
    counts[key] += 1;
    if (key === 'unexplained' || key === 'lost' || key === 'doubled') findings.push({ job: job.name, at, what });
  };
  try {
    for (const { at, version, disposition } of judgedEntries(job, scope, ({ row }) => add(row.at, 'wrong_range'))) {
      if (version) counts.expected += 1;
      if (counts.expected > most) return null;
      add(at, disposition);
    }
  } catch {
    // A trigger that cannot be read has no instants. Dispatching reports it.
    counts.notProvable += 1;
  }
  return { counts, findings };
}

export interface LedgerPageInput {
  /** JSON of LedgerJob[], as the database has written it: the jobs that have had one name. */
  jobs: string;
  scope: LedgerScope;
  most: number;
}

export interface LedgerItem {
  at: number;
  /** Set for a range of time in which nothing is known. */
  to: number | null;
  disposition: Disposition;
  version: number | null;
  rows: LedgerRow[];
}

/** The first `most` instants in the scope with what became of them, in ascending order. */
export function pageOfLedger({ jobs: text, scope, most }: LedgerPageInput): LedgerItem[] {
  const jobs = JSON.parse(text) as LedgerJob[];
  const items = jobs.flatMap((job) => {
    const found: LedgerItem[] = [];
    const [first] = job.versions;
    if (first?.earlierUnknown && first.from >= scope.from)
      found.push({
        at: scope.from,
        to: Math.min(first.from, scope.to),
        disposition: 'unknown',
        version: null,
        rows: [],
      });
    for (const { at, version, disposition, rows } of judgedEntries(job, scope)) {
      if (found.length > most) break;
      found.push({ at, to: null, disposition, version: version?.version ?? null, rows });
    }
    return found;
  });
  return items.toSorted((one, other) => one.at - other.at).slice(0, most);
}
