import { z } from 'zod';
import type { DocumentedObject } from '../documented-schema.js';
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

const intervalFields = {
  type: z.literal('interval'),
  /** Seconds from one occurrence to the next: 0.1 to 315360000 (ten years), in whole milliseconds. */
  everySeconds,
  /** A time on the grid: the occurrences are `anchor` + n × `everySeconds`, also before the anchor. ISO 8601 with a zone. Default:
   *  the creation of the job; an edit without an anchor keeps the stored one. */
  anchor,
  /** No occurrence before this time: ISO 8601 with a zone. Null: no limit. Default: null. */
  startAt,
  /** No occurrence after this time: ISO 8601 with a zone. Null: no limit. Default: null. */
  endAt,
  /** Delays each start by a fixed, random-looking part of this many seconds, to spread load. It must be shorter than
   *  `everySeconds`. Default: 0. */
  jitterSeconds,
};

/** Runs on a fixed grid. */
export const intervalInput: DocumentedObject<typeof intervalFields> = z
  .strictObject(intervalFields, { error: knownFields(...Object.keys(intervalFields)) })
  .superRefine((input, context) => {
    checkWindow(
      input,
      () => input.everySeconds,
      (path, message) => context.addIssue({ code: 'custom', path: [path], message, input }),
    );
  })
  .describe('Runs every so many seconds on a fixed grid that neither drifts nor moves at a deploy.');
