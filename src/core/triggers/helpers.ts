import type { z } from 'zod';
import type { cronInput } from './cron.input.js';
import type { dateInput } from './date.trigger.js';
import type { intervalInput } from './interval.trigger.js';

type CronInput = z.input<typeof cronInput>;
type IntervalInput = z.input<typeof intervalInput>;

/** A trigger that fires at the times of a cron expression with 5 to 7 fields, or of a name such as `@daily`.
 *  Default of `timeZone`: DEFAULT_TIME_ZONE. */
export const cron = (expression: string, options: Omit<CronInput, 'type' | 'expression'> = {}): CronInput => ({
  ...options,
  type: 'cron',
  expression,
});

/** A trigger that fires every `everySeconds` seconds (0.1 to ten years), on a grid through `anchor`.
 *  Default of `anchor`: the creation of the job. */
export const interval = (
  everySeconds: number,
  options: Omit<IntervalInput, 'type' | 'everySeconds'> = {},
): IntervalInput => ({ ...options, type: 'interval', everySeconds });

/** A trigger that fires once. A string must be ISO 8601 with a zone, such as `2026-12-24T18:00:00Z`. */
export const date = (at: Date | string): z.input<typeof dateInput> => ({
  type: 'date',
  at: typeof at === 'string' ? at : at.toISOString(),
});
