import { z } from 'zod';
import type { DocumentedObject } from '../../core/documented-schema.js';
import { Problem } from '../../core/problem.js';
import { instant } from '../../http/page.js';
import type { PauseTerms } from './job-pauses.js';

/** The optional body of both pause routes. */
export const pauseRequest = z
  .strictObject({
    reason: z.string().trim().min(1).max(1000).nullable().default(null).describe('Why, for people'),
    until: instant
      .nullable()
      .default(null)
      .describe('When the pause ends by itself. What is due then or later runs. Null: when somebody resumes'),
  })
  .meta({ id: 'PauseRequest', examples: [{}, { reason: 'move of the database', until: '2036-12-24T06:00:00Z' }] });

const pauseFields = {
  /** When it began; null: unknown. */
  since: z.date().nullable().describe('Null: unknown'),
  /** When it ends by itself; null: when somebody resumes. */
  until: z.date().nullable().describe('When it ends by itself. Null: when somebody resumes'),
  /** Why, for people; null: nobody said. */
  reason: z.string().nullable().describe('Null: nobody said'),
};
export const pauseView: DocumentedObject<typeof pauseFields, z.core.$strip> = z.object(pauseFields).meta({
  id: 'Pause',
  examples: [{ since: '2026-11-24T02:10:00.000Z', until: null, reason: 'move of the database' }],
});

export class UntilInPastError extends Problem {
  constructor(until: Date) {
    const message = `${until.toISOString()} has passed by the database's clock; give a time in the future, or leave it out`;
    super(422, 'UNTIL_IN_PAST', message, [{ path: '/until', message }]);
  }
}

/** Throws UNTIL_IN_PAST. */
export function refusePastEnd({ until }: PauseTerms, now: Date): void {
  if (until && until <= now) throw new UntilInPastError(until);
}
