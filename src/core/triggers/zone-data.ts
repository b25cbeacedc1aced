import { calendarOf } from './cron.calendar.js';
import { openTrigger, type Schedule, type TriggerDefinition } from './trigger.js';
import { zoneOf } from './zone.js';

/** The version of the time zone data of this process, such as `2026c`. A later version is greater in the order of characters. */
export const TZ_VERSION = process.versions['tz'] ?? '';

/** A POSIX regular expression for the zones, in lower case, whose offset no new data change. */
export const FIXED_ZONES = '^(utc|gmt|etc/.*)$';
const fixedZones = new RegExp(FIXED_ZONES);

/** Where the next occurrence of a stored job comes from. All are null for a trigger whose instants depend on no time zone. */
export interface ZoneBasis {
  /** The version of the data with which it was computed. Null: unknown. */
  tzVersion: string | null;
  /** Every occurrence up to this instant has a row, or is older than the trigger. Null: unknown. */
  decidedUntil: Date | null;
  /** The offset of the zone at `decidedUntil`, by the data of that time: together they give a local time, which new data do not change. */
  decidedOffsetMs: number | null;
}

interface StoredNext extends ZoneBasis, Schedule {
  nextOccurrenceAt: Date | null;
}

export const NO_BASIS: ZoneBasis = { tzVersion: null, decidedUntil: null, decidedOffsetMs: null };

/** The basis of a next occurrence that this process computes as the first one after `decidedUntil`. */
export function basisOf(trigger: TriggerDefinition, decidedUntil: Date): ZoneBasis {
  if (!dependsOnZoneData(trigger)) return NO_BASIS;
  const decidedOffsetMs = zoneOf(trigger.timeZone).offset(decidedUntil.getTime());
  return { tzVersion: TZ_VERSION, decidedUntil, decidedOffsetMs };
}

/** The basis after this process has decided the occurrence `decided`, which newer data gave. Their offset follows from the local time of
 *  that occurrence, which is the first after the last decided one. Where that is not known, the offset is that of this process. */
export function basisAfterNewer({ trigger, decidedUntil, decidedOffsetMs }: StoredNext, decided: Date): ZoneBasis {
  const own = basisOf(trigger, decided);
  if (trigger.type !== 'cron' || own.decidedOffsetMs === null || !decidedUntil || decidedOffsetMs === null) return own;
  const wall = calendarOf(trigger.expression).next(decidedUntil.getTime() + decidedOffsetMs + 1000);
  const offset = (wall ?? NaN) - decided.getTime();
  return Math.abs(offset - own.decidedOffsetMs) <= MAX_SHIFT_MS ? { ...own, decidedOffsetMs: offset } : own;
}

export const basisIn = ({ tzVersion, decidedUntil, decidedOffsetMs }: ZoneBasis): ZoneBasis => ({
  tzVersion,
  decidedUntil,
  decidedOffsetMs,
});

/** The basis of a next occurrence that this process has computed again, without a new row. Null: no occurrence is left. */
export function keptBasis({ trigger, ...stored }: StoredNext, next: Date | null): ZoneBasis {
  if (!dependsOnZoneData(trigger)) return NO_BASIS;
  const { decidedUntil, decidedOffsetMs } = stored;
  const isKnown = decidedUntil && (!next || decidedUntil < next);
  return isKnown ? { tzVersion: TZ_VERSION, decidedUntil, decidedOffsetMs } : { ...NO_BASIS, tzVersion: TZ_VERSION };
}

/** Whether this process would compute the same next occurrence. */
const isComputedHere = ({ trigger, tzVersion }: Pick<StoredNext, 'trigger' | 'tzVersion'>): boolean =>
  !dependsOnZoneData(trigger) || tzVersion === TZ_VERSION;

/** Whether the next occurrence was computed with newer data than those of this process. */
export const isComputedWithNewerData = ({ trigger, tzVersion }: Pick<StoredNext, 'trigger' | 'tzVersion'>): boolean =>
  tzVersion !== null && dependsOnZoneData(trigger) && tzVersion > TZ_VERSION;

/**
 * The first occurrence without a row, by the data of this process. It may be in the past. Null: none is left.
 *
 * Data that move a zone move its instants, but not its local times. So the search begins after the local time up to which occurrences
 * have rows: after the same instant, an occurrence that moved to a later one would be found a second time. A time with a `*` or a step
 * follows the wall clock, as with DST: it runs in an hour that is repeated, and not in one that is skipped.
 */
export function nextByOwnData(job: StoredNext): Date | null {
  const { trigger: definition, nextOccurrenceAt: stored, decidedUntil, decidedOffsetMs } = job;
  if (definition.type !== 'cron' || isComputedHere(job)) return stored;
  const trigger = openTrigger(job, '');
  if (decidedUntil && decidedOffsetMs !== null && (!stored || stored > decidedUntil)) {
    if (!calendarOf(definition.expression).isFixed) return trigger.next(decidedUntil);
    const wall = decidedUntil.getTime() + decidedOffsetMs;
    const zone = zoneOf(definition.timeZone);
    const near = wall - zone.offset(decidedUntil.getTime());
    return trigger.next(new Date(wall - zone.offset(near)));
  }
  if (!stored) return null;
  // Only the instant is known. The occurrence of these data that is next to it is the same one.
  const after = trigger.next(new Date(stored.getTime() - 1));
  const before = trigger.previous(stored);
  const distance = (at: Date | null) => (at ? Math.abs(at.getTime() - stored.getTime()) : Infinity);
  return distance(before) <= MAX_SHIFT_MS && distance(before) < distance(after) ? before : after;
}

/** Hardly any zone has ever moved by more than this. */
const MAX_SHIFT_MS = 3 * 3_600_000;

/** Whether the instants of a trigger depend on time zone data that may change. */
export function dependsOnZoneData(trigger: TriggerDefinition): trigger is TriggerDefinition & { type: 'cron' } {
  return trigger.type === 'cron' && !fixedZones.test(trigger.timeZone.toLowerCase());
}
