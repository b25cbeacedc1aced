import type { z } from 'zod';
import type { cronInput } from './cron.input.js';
import type { dateInput } from './date.trigger.js';
import type { intervalInput } from './interval.input.js';

type CronInput = z.input<typeof cronInput>;
type IntervalInput = z.input<typeof intervalInput>;

/** At the times of an expression of 5 to 7 fields; without `timeZone` those of DEFAULT_TIME_ZONE. */
export const cron = (expression: string, options: Omit<CronInput, 'type' | 'expression'> = {}): CronInput => ({
  ...options,
  type: 'cron',
  expression,
});

/** Every so many seconds, on the grid of `anchor`; without one, of the job's creation. */
export const interval = (
  everySeconds: number,
  options: Omit<IntervalInput, 'type' | 'everySeconds'> = {},
): IntervalInput => ({ ...options, type: 'interval', everySeconds });

/** Once; a text is ISO 8601 with its offset. */
export const date = (at: Date | string): z.input<typeof dateInput> => ({
  type: 'date',
  at: typeof at === 'string' ? at : at.toISOString(),
});
