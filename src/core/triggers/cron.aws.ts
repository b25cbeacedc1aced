import { shortName, WEEKDAYS } from './calendar-names.js';
import { unwrapWeekdays } from './cron.hints.js';

const NAMES = WEEKDAYS.map(shortName);

/** The seven fields that mean what six fields mean in AWS EventBridge: minute, hour, day-of-month, month, day-of-week and year. They
 *  are valid only if the six are. */
export function fromAws(fields: readonly string[]): string {
  const [minute, hour, day, month, weekday, year] = fields as [string, string, string, string, string, string];
  return ['0', minute, hour, day, month, weekdaysFromAws(weekday), year].join(' ');
}

/** AWS counts the days of the week from 1 = Sunday, calls the last one L, and has ranges that pass the end of the week. With a day 0 the
 *  field is not one of AWS and stays as it is. */
function weekdaysFromAws(text: string): string {
  const weekday = text.toUpperCase();
  if (weekday === 'L') return NAMES[6]!;
  if (/(?<![\d#/])0/.test(weekday)) return weekday;
  const named = weekday.replace(/(?<![\d#/])[1-7](?!\d)/g, (number) => NAMES[Number(number) - 1]!);
  return unwrapWeekdays(named);
}
