import { openTrigger, type Schedule, type Trigger } from '../core/triggers/trigger.js';
import { dependsOnZoneData, TZ_VERSION } from '../core/triggers/zone-data.js';

/** Times are milliseconds since 1970. */
export interface LedgerVersion extends Schedule {
  version: number;
  /** It asks for the instants after this, or from `first` on if that is set. */
  from: number;
  /** Up to and including this. Null: it is the current one. */
  to: number | null;
  /** Set if other time zone data have begun it: the first instant that it asks for. */
  first: number | null;
  /** Whether what applied before `from` is not known. */
  earlierUnknown: boolean;
  tzVersion: string | null;
}

/** A row of `runs` of kind `schedule` or `catch_up`. */
export interface LedgerRow {
  id: string;
  at: number;
  /** The last instant of a row for a range; null for all others. */
  to: number | null;
  /** How many instants a range has; null: more than 10,000. */
  count: number | null;
  kind: string;
  state: string;
  reason: string | null;
  started: number | null;
}

export interface LedgerJob {
  id: string;
  name: string;
  /** In ascending order. */
  versions: LedgerVersion[];
  /** In ascending order, each that covers an instant of the range. */
  rows: LedgerRow[];
  /** The job as it is now. Null: it was deleted. */
  now: {
    version: number;
    tzVersion: string | null;
    /** Up to here, dispatching has decided about all instants. Null: about all. */
    next: number | null;
    paused: boolean;
    pausedAt: number | null;
    /** What is due then or later does not belong to the pause, even if nobody has ended it yet. Null: it has no end. */
    pausedUntil: number | null;
  } | null;
}

/** An instant that a definition asks for or a row has, with the rows that cover it. */
export interface LedgerEntry {
  at: number;
  /** The version that asks for it. Null: none does. */
  version: OpenVersion | null;
  rows: LedgerRow[];
}

/** A row for a range whose instants are not those that the versions ask for. */
export interface WrongRange {
  row: LedgerRow;
  /** How many of its instants a version asks for. */
  asked: number;
}

export interface OpenVersion extends LedgerVersion {
  opened: Trigger;
  /** False if its instants cannot be computed again here: other time zone data have given them, or a version after it is not known. */
  isProvable: boolean;
}

/** The versions of a job with their triggers, in ascending order. Throws for a trigger that cannot be read. */
export const openVersions = ({ id, versions, now }: LedgerJob): OpenVersion[] =>
  versions.map((version, index) => {
    const { trigger, tzVersion, to } = version;
    const zoned = dependsOnZoneData(trigger);
    const isCurrent = to === null && now !== null;
    const changed = isCurrent && (now.version !== version.version || (zoned && now.tzVersion !== tzVersion));
    const followed = versions[index + 1]?.earlierUnknown ?? false;
    const isProvable = (!zoned || tzVersion === TZ_VERSION) && !changed && !followed;
    return { ...version, opened: openTrigger(version, id), isProvable };
  });

/** All instants in [from, to] that the versions ask for, in ascending order and each once. */
export function* askedInstants(versions: OpenVersion[], from: number, to: number): Generator<[number, OpenVersion]> {
  const spans = versions
    .map((version) => ({
      version,
      from: Math.max(from, version.first ?? version.from + 1),
      to: Math.min(to, version.to ?? to),
    }))
    .toSorted((one, other) => one.from - other.from);
  /** The next instant of each version that has begun. Versions overlap only where time zone data have changed. */
  let heads: { at: number; span: (typeof spans)[number] }[] = [];
  const push = (span: (typeof spans)[number], after: number) => {
    const at = span.version.opened.next(new Date(after))?.getTime();
    if (at !== undefined && at <= span.to) heads.push({ at, span });
  };
  let begun = 0;
  for (;;) {
    let least = Math.min(...heads.map(({ at }) => at));
    for (; begun < spans.length && spans[begun]!.from <= least; least = Math.min(...heads.map(({ at }) => at))) {
      push(spans[begun]!, spans[begun]!.from - 1);
      begun += 1;
    }
    const due = heads.filter(({ at }) => at === least);
    if (due.length === 0) return;
    heads = heads.filter(({ at }) => at !== least);
    yield [least, (due.find(({ span }) => span.version.isProvable) ?? due[0]!).span.version];
    for (const { span } of due) push(span, least);
  }
}

/** Compares the instants in [from, to] that the versions of a job ask for with its rows, in the order of time. `onWrongRange` gets the
 *  rows for ranges that lie wholly in [from, to] and have other instants. */
export function* ledgerEntries(
  versions: OpenVersion[],
  rows: LedgerRow[],
  from: number,
  to: number,
  onWrongRange: (range: WrongRange) => void = () => {},
): Generator<LedgerEntry> {
  const instants = askedInstants(versions, from, to);
  let instant = instants.next();
  let index = 0;
  let open: { row: LedgerRow; asked: number; first: number; last: number }[] = [];
  const close = (before: number) => {
    for (const { row: range, asked, first, last } of open) {
      if (range.to! >= before) continue;
      const isWhole = range.at >= from && range.to! <= to;
      const isRight = first === range.at && last === range.to && (range.count === null || range.count === asked);
      if (isWhole && !isRight) onWrongRange({ row: range, asked });
    }
    open = open.filter((range) => range.row.to! >= before);
  };
  for (;;) {
    const asked = instant.done ? Infinity : instant.value[0];
    const row = rows[index];
    // Ranges are opened before the instants that they cover.
    if (row && row.to !== null && row.at <= asked) {
      index += 1;
      open.push({ row, asked: 0, first: NaN, last: NaN });
      continue;
    }
    const at = Math.min(asked, row?.at ?? Infinity);
    close(at);
    if (at === Infinity) return;
    const covering: LedgerRow[] = [];
    for (; rows[index]?.at === at && rows[index]!.to === null; index += 1) covering.push(rows[index]!);
    for (const range of open) {
      covering.push(range.row);
      if (at === asked)
        Object.assign(range, { asked: range.asked + 1, first: range.asked ? range.first : at, last: at });
    }
    yield { at, version: instant.done || at !== asked ? null : instant.value[1], rows: covering };
    if (at === asked) instant = instants.next();
  }
}
