import { z } from 'zod';
import type { DocumentedObject } from '../documented-schema.js';
import { instant, knownFields } from './input-fields.js';
import type { Occurrences } from './occurrences.js';

const dateFields = {
  type: z.literal('date'),
  /** When to run: ISO 8601 with a zone. The API refuses a time that has passed; a job in code or in a jobs file is then finished. */
  at: instant.meta({ description: 'When to run: ISO 8601 with a zone.', examples: ['2026-12-24T18:00:00Z'] }),
};

/** The caller checks whether `at` is in the future: a schema has no clock. */
export const dateInput: DocumentedObject<typeof dateFields> = z
  .strictObject(dateFields, { error: knownFields(...Object.keys(dateFields)) })
  .describe('Runs once, at an instant.');

export class DateOccurrences implements Occurrences {
  constructor(private readonly at: Date) {}

  next(after: Date): Date | null {
    return this.at > after ? new Date(this.at) : null;
  }

  previous(before: Date): Date | null {
    return this.at < before ? new Date(this.at) : null;
  }

  count(from: Date, to: Date, limit: number): number | null {
    const count = this.at >= from && this.at <= to ? 1 : 0;
    return count > limit ? null : count;
  }
}
