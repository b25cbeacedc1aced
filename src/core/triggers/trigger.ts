import { z } from 'zod';
import { withinBounds } from './bounds.js';
import { cronInput } from './cron.input.js';
import { CronOccurrences } from './cron.trigger.js';
import { dateInput, DateOccurrences } from './date.trigger.js';
import { intervalInput } from './interval.input.js';
import { IntervalOccurrences } from './interval.trigger.js';
import { jitterOf } from './jitter.js';
import type { Occurrences } from './occurrences.js';

/** An interface, so that the comments on the fields reach the `.d.ts` files of schemas with a trigger. */
export interface TriggerSchema extends z.ZodDiscriminatedUnion<
  [typeof cronInput, typeof intervalInput, typeof dateInput],
  'type'
> {}

/** What a user writes. A complete TriggerDefinition passes it too. */
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

/** Occurrences in [startAt, endAt] (null: open), each started up to `jitterSeconds` late. Times are ISO 8601, UTC, milliseconds. */
interface Repeating {
  startAt: string | null;
  endAt: string | null;
  jitterSeconds: number;
}
export type CronDefinition = { type: 'cron'; expression: string; timeZone: string } & Repeating;
export type IntervalDefinition = { type: 'interval'; everySeconds: number; anchor: string } & Repeating;
export type DateDefinition = { type: 'date'; at: string };

/** A trigger with nothing left to default, as it is stored and answered. */
export type TriggerDefinition = CronDefinition | IntervalDefinition | DateDefinition;

export interface TriggerDefaults {
  timeZone: string;
  /** When the job was made: where an interval's grid is anchored. */
  createdAt: Date;
  /** What the job had before; its anchor outlives an edit that names none. */
  previous?: TriggerDefinition | null;
}

/** Fills in what the user left out. */
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
  const kept = previous?.type === 'interval' ? previous.anchor : createdAt;
  return { type: 'interval', everySeconds: input.everySeconds, anchor: iso(input.anchor ?? kept), ...repeating };
}

/** The occurrences of a job's trigger; pure, it has no clock. */
export interface Trigger extends Occurrences {
  /** How long the start of this occurrence is delayed: whole milliseconds below `jitterSeconds`, always the same for
   *  the same seed and occurrence, and never past the next occurrence. */
  delay(occurrence: Date): number;
}

/** Opens a trigger for computing; `seed` is the job's own, so that jobs of one trigger spread. Throws a 422 for a cron
 *  expression that cannot be read. */
export function openTrigger(definition: TriggerDefinition, seed: string): Trigger {
  if (definition.type === 'date') return { ...bound(new DateOccurrences(new Date(definition.at))), delay: () => 0 };
  const endless = occurrencesOf(definition);
  return {
    ...bound(withinBounds(endless, definition.startAt, definition.endAt)),
    delay: (occurrence) => jitterOf(seed, occurrence, definition.jitterSeconds, endless),
  };
}

function occurrencesOf(definition: CronDefinition | IntervalDefinition): Occurrences {
  if (definition.type === 'cron') return new CronOccurrences(definition.expression, definition.timeZone);
  return new IntervalOccurrences(Date.parse(definition.anchor), Math.round(definition.everySeconds * 1000));
}

const bound = (occurrences: Occurrences): Occurrences => ({
  next: (after) => occurrences.next(after),
  previous: (before) => occurrences.previous(before),
  count: (from, to, limit) => occurrences.count(from, to, limit),
});

const iso = (time: string | Date): string => new Date(time).toISOString();
