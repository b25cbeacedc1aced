import { calendarOf } from './cron.calendar.js';
import type { CronDefinition, TriggerDefinition } from './trigger.js';
import { DAY, zoneOf } from './zone.js';

/** Facts about a trigger that may surprise its user. `occurrences` are some of its occurrences in ascending order. The note on
 *  DST covers the year after the first of them, and is left out when there are none. */
export function notesOf(definition: TriggerDefinition, occurrences: readonly Date[] = []): string[] {
  if (definition.type === 'date') return [];
  if (definition.type === 'interval') {
    return [
      `The grid is fixed at ${definition.anchor}: it does not drift, and no deploy and no edit of another field moves it.`,
    ];
  }
  const notes: string[] = [];
  const { isEitherDay, isFixed } = calendarOf(definition.expression);
  if (isEitherDay) {
    notes.push(
      'Day-of-month and day-of-week are both restricted: either matches. With a + before day-of-week both must.',
    );
  }
  const [first] = occurrences;
  if (first && observesDst(definition, first))
    notes.push(`${definition.timeZone} observes DST: ${isFixed ? FIXED : FOLLOWING}`);
  return notes;
}

const FIXED = 'a time in the skipped hour runs right after that hour, and a time in the repeated hour runs once.';
const FOLLOWING =
  'the trigger follows the wall clock. It does not run in the skipped hour, and runs in both passes of the repeated hour.';

function observesDst({ timeZone }: CronDefinition, from: Date): boolean {
  const zone = zoneOf(timeZone);
  const months = Array.from({ length: 13 }, (_each, month) => zone.offset(from.getTime() + month * 30 * DAY));
  return new Set(months).size > 1;
}
