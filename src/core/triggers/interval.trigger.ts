import { z } from 'zod';
import type { DocumentedObject } from '../documented-schema.js';
import {
  checkWindow,
  endAt,
  instant,
  jitterSeconds,
  knownFields,
  MAX_SECONDS,
  seconds,
  startAt,
} from './input-fields.js';
import { FIRST_INSTANT, LAST_INSTANT, type Occurrences } from './occurrences.js';

const everySeconds = seconds(0.1, MAX_SECONDS).meta({
  description: 'Seconds from one occurrence to the next: 0.1 to 315360000 (ten years), in whole milliseconds.',
  examples: [30, 0.5, 3600],
});

const anchor = instant.optional().meta({
  description:
    'An instant on the grid. The occurrences are anchor + n × everySeconds, including those before the anchor. Default: ' +
    'startAt, or else the creation of the job. An edit without an anchor keeps the stored one, unless it sets another startAt.',
  examples: ['2026-01-01T00:00:00Z'],
});

const intervalFields = {
  type: z.literal('interval'),
  /** Seconds from one occurrence to the next: 0.1 to 315360000 (ten years), in whole milliseconds. */
  everySeconds,
  /** A time on the grid: the occurrences are `anchor` + n × `everySeconds`, also before the anchor. ISO 8601 with a zone. Default:
   *  `startAt`, or else the creation of the job. An edit without an anchor keeps the stored one, unless it sets another `startAt`. */
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
  .describe('Runs at a fixed interval, on a grid that does not drift and that a deploy does not move.');

/** The instants origin + n × every, in milliseconds, for every whole number n. The grid extends to both sides of the origin. */
export class IntervalOccurrences implements Occurrences {
  constructor(
    private readonly origin: number,
    private readonly every: number,
  ) {}

  next(after: Date): Date | null {
    const at = this.timeOf(this.indexAt(Math.max(after.getTime(), FIRST_INSTANT - 1)) + 1);
    return at <= LAST_INSTANT ? new Date(at) : null;
  }

  previous(before: Date): Date | null {
    const at = this.timeOf(this.indexAt(Math.min(before.getTime() - 1, LAST_INSTANT)));
    return at >= FIRST_INSTANT ? new Date(at) : null;
  }

  count(from: Date, to: Date, limit: number): number | null {
    const first = Math.max(from.getTime(), FIRST_INSTANT);
    const last = Math.min(to.getTime(), LAST_INSTANT);
    const count = first > last ? 0 : this.indexAt(last) - this.indexAt(first - 1);
    return count > limit ? null : count;
  }

  /** The n of the last occurrence at or before `time`. */
  private indexAt(time: number): number {
    return Math.floor((time - this.origin) / this.every);
  }

  private timeOf(index: number): number {
    return this.origin + index * this.every;
  }
}
