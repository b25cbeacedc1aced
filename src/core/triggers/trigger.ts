import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { ClockChange } from './clock-change.js';
import { cronInput } from './cron.input.js';
import { CronOccurrences } from './cron.trigger.js';
import { dateInput, DateOccurrences } from './date.trigger.js';
import { intervalInput, IntervalOccurrences } from './interval.trigger.js';
import { LAST_INSTANT, type Occurrences, withinBounds } from './occurrences.js';

/** An interface, so that the comments on the fields reach the `.d.ts` files of schemas with a trigger. */
export interface TriggerSchema extends z.ZodDiscriminatedUnion<
  [typeof cronInput, typeof intervalInput, typeof dateInput],
  'type'
> {}

/** A trigger as users write it. A complete TriggerDefinition is valid here too. */
export const triggerInput: TriggerSchema = z
  .discriminatedUnion('type', [cronInput, intervalInput, dateInput], {
    error: 'A trigger is an object with a type, which is cron, interval or date',
  })
  .meta({
    id: 'Trigger',
    description: 'When a job runs.',
    examples: [
      { type: 'cron', expression: '0 9 * * MON-FRI', timeZone: 'America/New_York' },
      { type: 'interval', everySeconds: 30 },
      { type: 'date', at: '2026-12-24T18:00:00Z' },
    ],
  });

/** When a job runs, as a user writes it: at the times of a cron expression, at an interval, or once at a date.
 *  See API.md#trigger. */
export type TriggerInput = z.input<typeof triggerInput>;

/** The trigger has occurrences in [startAt, endAt], where null means no bound. Each starts up to `jitterSeconds` late.
 *  Times are ISO 8601 in UTC, with milliseconds. */
interface Repeating {
  startAt: string | null;
  endAt: string | null;
  jitterSeconds: number;
}
export type CronDefinition = { type: 'cron'; expression: string; timeZone: string } & Repeating;
export type IntervalDefinition = { type: 'interval'; everySeconds: number; anchor: string } & Repeating;
export type DateDefinition = { type: 'date'; at: string };

/** A trigger with all defaults filled in, as the database stores it and the API returns it. */
export type TriggerDefinition = CronDefinition | IntervalDefinition | DateDefinition;

/** What decides when a job runs. A job is one. */
export interface Schedule {
  trigger: TriggerDefinition;
  /** Only for cron triggers. */
  clockChange: ClockChange;
}

export interface TriggerDefaults {
  timeZone: string;
  /** When the job was created. It is the default anchor of an interval without a `startAt`. */
  createdAt: Date;
  /** The trigger that the job had before an edit. An interval keeps its anchor when the edit sets none and
   *  no other `startAt`. */
  previous?: TriggerDefinition | null;
}

/** Fills in the fields that the user left out. */
export function completeTrigger(
  input: TriggerInput,
  { timeZone, createdAt, previous }: TriggerDefaults,
): TriggerDefinition {
  if (input.type === 'date') return { type: 'date', at: iso(input.at) };
  const repeating: Repeating = {
    startAt: input.startAt ? iso(input.startAt) : null,
    endAt: input.endAt ? iso(input.endAt) : null,
    jitterSeconds: input.jitterSeconds ?? 0,
  };
  if (input.type === 'cron') {
    return { type: 'cron', expression: input.expression, timeZone: input.timeZone ?? timeZone, ...repeating };
  }
  const kept = previous?.type === 'interval' && previous.startAt === repeating.startAt ? previous.anchor : undefined;
  const anchor =
    input.anchor ?? kept ?? repeating.startAt ?? (previous?.type === 'interval' ? previous.anchor : createdAt);
  return { type: 'interval', everySeconds: input.everySeconds, anchor: iso(anchor), ...repeating };
}

/** The occurrences of a job's trigger. It is pure: it reads no clock. */
export interface Trigger extends Occurrences {
  /** The delay between this occurrence and its start: whole milliseconds below `jitterSeconds`. It is always the same for
   *  the same seed and occurrence, and never reaches the next occurrence. */
  delay(occurrence: Date): number;
}

/** Makes the occurrences of a trigger computable. Jobs with the same trigger get different delays when their `seed` differs.
 *  Throws a 422 for a cron expression that cannot be parsed. */
export function openTrigger({ trigger: definition, clockChange }: Schedule, seed: string): Trigger {
  if (definition.type === 'date') return { ...bound(new DateOccurrences(new Date(definition.at))), delay: () => 0 };
  const unbounded = occurrencesOf(definition, clockChange);
  return {
    ...bound(withinBounds(unbounded, definition.startAt, definition.endAt)),
    delay: (occurrence) => jitterOf(seed, occurrence, definition.jitterSeconds, unbounded),
  };
}

function occurrencesOf(definition: CronDefinition | IntervalDefinition, clockChange: ClockChange): Occurrences {
  if (definition.type === 'cron') return new CronOccurrences(definition.expression, definition.timeZone, clockChange);
  return new IntervalOccurrences(Date.parse(definition.anchor), Math.round(definition.everySeconds * 1000));
}

const bound = (occurrences: Occurrences): Occurrences => ({
  next: (after) => occurrences.next(after),
  previous: (before) => occurrences.previous(before),
  count: (from, to, limit) => occurrences.count(from, to, limit),
});

/** A hash of the seed and the occurrence decides, so that every replica computes the same delay. A DST change can make the
 *  distance to the next occurrence shorter than `jitterSeconds`; the delay then stays below that distance. */
function jitterOf(seed: string, occurrence: Date, jitterSeconds: number, occurrences: Occurrences): number {
  if (jitterSeconds === 0) return 0;
  const next = occurrences.next(occurrence);
  const gap = next === null ? Infinity : next.getTime() - occurrence.getTime();
  const span = Math.min(Math.round(jitterSeconds * 1000), gap, LAST_INSTANT - occurrence.getTime());
  const hash = createHash('sha256').update(`${seed}\n${occurrence.getTime()}`).digest();
  return Math.floor((hash.readUIntBE(0, 6) / 2 ** 48) * span);
}

const iso = (time: string | Date): string => new Date(time).toISOString();
