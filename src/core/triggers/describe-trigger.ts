import { parseCron, valuesOf } from './cron.pattern.js';
import { describeDays } from './describe-days.js';
import { describeTimes } from './describe-times.js';
import { amountOf } from './number-words.js';
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
    jitterSeconds > 0 && `delayed by up to ${amountOf(jitterSeconds, 'second')}`,
  ]
    .filter(Boolean)
    .join(', ');
}

/** Derived from the parsed values and not from the text, so that it says what the times do. */
function inWords(expression: string): string {
  const pattern = parseCron(expression);
  const times = describeTimes({
    hours: valuesOf(pattern.hour),
    minutes: valuesOf(pattern.minute),
    seconds: valuesOf(pattern.second),
  });
  return [times, ...describeDays(pattern)].join(', ');
}

const UNITS = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
] as const;

function every(seconds: number): string {
  const [unit, size] = UNITS.find(([, each]) => seconds % each === 0) ?? UNITS[3];
  return seconds === size ? `Every ${unit}` : `Every ${amountOf(seconds / size, unit)}`;
}
