import { calendarOf } from './cron.calendar.js';
import type { CronDefinition, TriggerDefinition } from './trigger.js';
import { DAY, zoneOf } from './zone.js';

/** What a user should know about a trigger but may not expect. `occurrences` are some of it, the earliest first: the
 *  note on DST looks at the year that follows; without any it is left out. */
export function notesOf(definition: TriggerDefinition, occurrences: readonly Date[] = []): string[] {
  if (definition.type === 'date') return [];
  if (definition.type === 'interval') {
    return [
      `The grid is fixed at ${definition.anchor}: no drift, and neither a deploy nor an edit elsewhere moves it.`,
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

const FIXED =
  'a time in the hour that is skipped runs right after it, and a time in the hour that is repeated runs once.';
const FOLLOWING =
  'it follows the wall clock, with no run in the hour that is skipped and runs in both passes of the repeated one.';

function observesDst({ timeZone }: CronDefinition, from: Date): boolean {
  const zone = zoneOf(timeZone);
  const months = Array.from({ length: 13 }, (_each, month) => zone.offset(from.getTime() + month * 30 * DAY));
  return new Set(months).size > 1;
}
