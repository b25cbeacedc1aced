import { z } from 'zod';
import { amountOf } from './number-words.js';
import { LAST_INSTANT } from './occurrences.js';

export const NO_TIME = 'A time is ISO 8601 with a zone, such as 2026-12-24T18:00:00Z or 2026-12-24T19:00:00+01:00';

/** A time as users write it: ISO 8601 with a zone, from 1970 to 9999. Digits below a millisecond are dropped. */
export const instant = z.iso
  .datetime({
    offset: true,
    abort: true,
    error: NO_TIME,
  })
  .refine((text) => Date.parse(text) >= 0 && Date.parse(text) <= LAST_INSTANT, 'The year must be from 1970 to 9999');

export const startAt = instant.nullish().describe('No occurrence before this instant. Null: no limit.');
export const endAt = instant.nullish().describe('No occurrence after this instant. Null: no limit.');

/** A number of seconds, in whole milliseconds. */
export const seconds = (least: number, most: number) =>
  z
    .number({ error: 'Give a number of seconds, such as 30 or 0.5' })
    .min(least, { abort: true, error: `At least ${least} seconds` })
    .max(most, { abort: true, error: `At most ${most} seconds` })
    .refine((value) => Math.round(value * 1000) / 1000 === value, 'Use whole milliseconds, such as 0.125');

/** The longest interval, and the longest jitter: ten years. */
export const MAX_SECONDS = 315_360_000;

export const jitterSeconds = seconds(0, MAX_SECONDS)
  .optional()
  .describe(
    'Delays each start by up to this many seconds, to spread load. The delay looks random and is fixed for each occurrence. Default 0.',
  );

/** The error for an unknown field, which lists the known ones. */
export const knownFields =
  (...fields: string[]) =>
  (issue: { code?: string; keys?: unknown }): string | undefined =>
    issue.code === 'unrecognized_keys'
      ? `Unknown field ${[issue.keys].flat().join(', ')}; known fields: ${fields.join(', ')}`
      : undefined;

interface Window {
  startAt?: string | null | undefined;
  endAt?: string | null | undefined;
  jitterSeconds?: number | undefined;
}

/** Rejects an end before the start, and a jitter that is not below the shortest gap between two occurrences, in seconds. */
export function checkWindow(input: Window, shortestGap: () => number, refuse: (path: string, message: string) => void) {
  const { startAt: start, endAt: end, jitterSeconds: jitter } = input;
  if (start && end && Date.parse(end) < Date.parse(start))
    refuse('endAt', `Must not be before startAt, which is ${start}`);
  if (!jitter) return;
  const gap = shortestGap();
  if (jitter >= gap)
    refuse(
      'jitterSeconds',
      `Must be below the shortest time between two occurrences, which is ${amountOf(gap, 'second')}`,
    );
}
