import { z } from 'zod';
import type { Fault } from '../core/problem.js';
import { faultsOf } from '../core/schema-faults.js';
import { NO_TIME } from '../core/triggers/input-fields.js';
import { describeTrigger } from '../core/triggers/describe-trigger.js';
import { clockChange } from '../core/triggers/clock-change.js';
import { completeTrigger, openTrigger, triggerInput } from '../core/triggers/trigger.js';
import { notesOf } from '../core/triggers/trigger-notes.js';

export const previewRequest = z
  .strictObject({
    trigger: triggerInput,
    clockChange: clockChange.prefault({}),
    after: z.iso
      .datetime({ offset: true, error: NO_TIME })
      .optional()
      .describe('Only occurrences after this time. Default: now'),
    count: z.int().min(1).max(1000).default(5),
  })
  .meta({
    id: 'PreviewRequest',
    examples: [
      {
        trigger: { type: 'cron', expression: '0 2 * * *', timeZone: 'Europe/Berlin' },
        after: '2026-11-23T12:00:00Z',
        count: 2,
      },
    ],
  });

export interface Preview {
  description: string;
  /** ISO 8601. */
  occurrences: string[];
  notes: string[];
}

export interface PreviewInput {
  /** The body of the request, which is not validated yet: to validate a trigger takes up to 50 ms. */
  body: unknown;
  now: Date;
  timeZone: string;
}

/** The preview of a trigger, or the faults of the request. */
export function previewOf({ body, now, timeZone }: PreviewInput): Preview | Fault[] {
  if (body === undefined) return [{ path: '', message: 'Send a JSON body' }];
  const { data, error } = previewRequest.safeParse(body);
  if (error) return faultsOf(error.issues);
  const start = data.after === undefined ? now : new Date(data.after);
  const definition = completeTrigger(data.trigger, { timeZone, createdAt: start });
  const schedule = { trigger: definition, clockChange: data.clockChange };
  const trigger = openTrigger(schedule, 'preview');
  const occurrences: Date[] = [];
  for (let at = trigger.next(start); at && occurrences.length < data.count; at = trigger.next(at)) occurrences.push(at);
  return {
    description: describeTrigger(definition),
    occurrences: occurrences.map((at) => at.toISOString()),
    notes: notesOf(schedule, occurrences),
  };
}
