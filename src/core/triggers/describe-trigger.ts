import cronstrue from 'cronstrue';
import { calendarOf } from './cron.calendar.js';
import type { TriggerDefinition } from './trigger.js';

/** A trigger in English, such as "Every 30 seconds" or "At 09:00, Monday through Friday (Europe/Berlin)". */
export function describeTrigger(definition: TriggerDefinition): string {
  if (definition.type === 'date') return `Once, at ${definition.at}`;
  const { startAt, endAt, jitterSeconds } = definition;
  return [
    definition.type === 'cron'
      ? `${inWords(definition.expression)} (${definition.timeZone})`
      : every(definition.everySeconds),
    startAt && `from ${startAt}`,
    endAt && `until ${endAt}`,
    jitterSeconds > 0 && `delayed by up to ${jitterSeconds} seconds`,
  ]
    .filter(Boolean)
    .join(', ');
}

/** Returns the expression itself when cronstrue cannot describe it. */
function inWords(expression: string): string {
  try {
    // cronstrue does not know `+`, and says "and" where either day matches.
    const words = cronstrue.toString(expression.replace('+', ''), { use24HourTimeFormat: true });
    return calendarOf(expression).isEitherDay ? words.replace(/( of the month| days), (and )?/, '$1, or ') : words;
  } catch {
    return expression;
  }
}

const UNITS = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
] as const;

function every(seconds: number): string {
  const [unit, size] = UNITS.find(([, each]) => seconds % each === 0) ?? UNITS[3];
  return seconds === size ? `Every ${unit}` : `Every ${seconds / size} ${unit}s`;
}
