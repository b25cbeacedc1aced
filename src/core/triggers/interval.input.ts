import { z } from 'zod';
import {
  checkWindow,
  endAt,
  instant,
  jitterSeconds,
  knownFields,
  MOST_SECONDS,
  seconds,
  startAt,
} from './input-fields.js';

const everySeconds = seconds(0.1, MOST_SECONDS).meta({
  description: 'Seconds from one occurrence to the next: 0.1 to 315360000 (ten years), whole milliseconds.',
  examples: [30, 0.5, 3600],
});

const anchor = instant.optional().meta({
  description:
    'An instant on the grid: the occurrences are anchor + n × everySeconds, before the anchor too. Default: the creation ' +
    'of the job; once stored it stays.',
  examples: ['2026-01-01T00:00:00Z'],
});

/** Runs on a fixed grid. */
export const intervalInput = z
  .strictObject(
    { type: z.literal('interval'), everySeconds, anchor, startAt, endAt, jitterSeconds },
    { error: knownFields('type', 'everySeconds', 'anchor', 'startAt', 'endAt', 'jitterSeconds') },
  )
  .superRefine((input, context) => {
    checkWindow(
      input,
      () => input.everySeconds,
      (path, message) => context.addIssue({ code: 'custom', path: [path], message, input }),
    );
  })
  .describe('Runs every so many seconds on a fixed grid that neither drifts nor moves at a deploy.');
