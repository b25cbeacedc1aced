import { z } from 'zod';
import type { DocumentedObject } from '../documented-schema.js';
import { Problem } from '../problem.js';
import { calendarOf } from './cron.calendar.js';
import { hasZone, unreadValueFault } from './cron.pattern.js';
import { misplacedQuestionMark } from './cron.question-marks.js';
import { checkWindow, endAt, jitterSeconds, knownFields, startAt } from './input-fields.js';
import { zoneFaultOf } from './zone-names.js';

/** What is wrong with an expression, or undefined when it is valid. An expression whose last year is over is valid. */
function faultOf(expression: string): string | undefined {
  const misplaced = hasZone(expression) ? undefined : misplacedQuestionMark(expression);
  if (misplaced) return misplaced;
  try {
    const calendar = calendarOf(expression);
    const unread = unreadValueFault(expression);
    if (unread || calendar.next(0) !== null) return unread;
    return 'It never fires: no date from 1970 to 9999 has this day, month and year. Write L for the last day of a month, as in "0 0 L 2 *"';
  } catch (error) {
    if (error instanceof Problem) return error.message;
    throw error;
  }
}

const expression = z
  .string({ error: 'Say when to run, such as "0 9 * * MON-FRI" or "@daily"' })
  .superRefine((text, context) => {
    const message = faultOf(text);
    if (message) context.addIssue({ code: 'custom', message, input: text });
  })
  .meta({
    maxLength: 256,
    description:
      'Five fields (minute hour day-of-month month day-of-week), six (seconds first) or seven (year last), or a name such ' +
      'as @daily. When day-of-month and day-of-week are both restricted, either matches. With a + before day-of-week both must.',
    examples: ['0 9 * * MON-FRI', '*/15 * * * *', '0 0 L * *', '@daily'],
  });

const timeZone = z
  .string()
  .superRefine((name, context) => {
    const message = zoneFaultOf(name);
    if (message) context.addIssue({ code: 'custom', message, input: name });
  })
  .optional()
  .meta({
    description: 'UTC or an IANA time zone with a slash. Default: DEFAULT_TIME_ZONE.',
    examples: ['Europe/Berlin', 'UTC'],
  });

const cronFields = {
  type: z.literal('cron'),
  /** Five fields (minute hour day-of-month month day-of-week), six (seconds first) or seven (year last), or a name such as
   *  `@daily`. */
  expression,
  /** An IANA time zone such as `Europe/Berlin`. Default: DEFAULT_TIME_ZONE of the service. */
  timeZone,
  /** No occurrence before this time: ISO 8601 with a zone. Null: no limit. Default: null. */
  startAt,
  /** No occurrence after this time: ISO 8601 with a zone. Null: no limit. Default: null. */
  endAt,
  /** Delays each start by a fixed, random-looking part of this many seconds, to spread load. It must be shorter than the shortest
   *  time between two occurrences. Default: 0. */
  jitterSeconds,
};

/** Runs at the times of a cron expression in a time zone. */
export const cronInput: DocumentedObject<typeof cronFields> = z
  .strictObject(cronFields, { error: knownFields(...Object.keys(cronFields)) })
  .superRefine((input, context) => {
    if (faultOf(input.expression)) return;
    checkWindow(
      input,
      () => calendarOf(input.expression).shortestGap(),
      (path, message) => context.addIssue({ code: 'custom', path: [path], message, input }),
    );
  })
  .describe('Runs at the times of a cron expression in a time zone.');
