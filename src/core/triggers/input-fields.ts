import { z } from 'zod';
import { LAST_INSTANT } from './occurrences.js';

/** A time as users write it: ISO 8601 with a zone, from 1970 to 9999. What is finer than a millisecond is dropped. */
export const instant = z.iso
  .datetime({
    offset: true,
    abort: true,
    error: 'A time is ISO 8601 with a zone, such as 2026-12-24T18:00:00Z or 2026-12-24T19:00:00+01:00',
  })
  .refine((text) => Date.parse(text) >= 0 && Date.parse(text) <= LAST_INSTANT, 'The year is 1970 to 9999');

export const startAt = instant.nullish().describe('No occurrence before this instant. Null: no limit.');
export const endAt = instant.nullish().describe('No occurrence after this instant. Null: no limit.');

/** A number of seconds, whole milliseconds at the finest. */
export const seconds = (least: number, most: number) =>
  z
    .number({ error: 'Give a number of seconds, such as 30 or 0.5' })
    .min(least, { abort: true, error: `At least ${least} seconds` })
    .max(most, { abort: true, error: `At most ${most} seconds` })
    .refine((value) => Math.round(value * 1000) / 1000 === value, 'Whole milliseconds at the finest, such as 0.125');

/** The longest interval, and the longest jitter: ten years. */
export const MOST_SECONDS = 315_360_000;

export const jitterSeconds = seconds(0, MOST_SECONDS)
  .optional()
  .describe('Delays each start by a fixed, random-looking part of so many seconds, to spread load. Default 0.');

/** Says of an unknown field which ones there are. */
export const knownFields =
  (...fields: string[]) =>
  (issue: { code?: string; keys?: unknown }): string | undefined =>
    issue.code === 'unrecognized_keys'
      ? `Unknown field ${[issue.keys].flat().join(', ')}; these are known: ${fields.join(', ')}`
      : undefined;

interface Window {
  startAt?: string | null | undefined;
  endAt?: string | null | undefined;
  jitterSeconds?: number | undefined;
}

/** Refuses an end before the start, and a jitter that reaches the trigger's shortest gap (seconds). */
export function checkWindow(input: Window, shortestGap: () => number, refuse: (path: string, message: string) => void) {
  const { startAt: start, endAt: end, jitterSeconds: jitter } = input;
  if (start && end && Date.parse(end) < Date.parse(start)) refuse('endAt', `Not before startAt, which is ${start}`);
  if (!jitter) return;
  const gap = shortestGap();
  if (jitter >= gap)
    refuse('jitterSeconds', `Below the shortest time between two occurrences, which is ${gap} seconds`);
}
