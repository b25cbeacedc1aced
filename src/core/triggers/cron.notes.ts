import { parseCron, valuesOf } from './cron.pattern.js';

/** The field, the unit in which it starts over, and the size of that unit. Null: the size varies. */
const FIELDS = [
  { name: 'second', values: 'second', unit: 'minute', size: 60 },
  { name: 'minute', values: 'minute', unit: 'hour', size: 60 },
  { name: 'hour', values: 'hour', unit: 'day', size: 24 },
  { name: 'day-of-month', values: 'day', unit: 'month', size: null },
  { name: 'month', values: 'month', unit: 'year', size: 12 },
] as const;

/** Notes on steps that do not divide their range, and on days that not every month has. */
export function cronNotes(expression: string): string[] {
  const given = expression.trim().split(/\s+/);
  if (given.length < 5) return [];
  const pattern = parseCron(expression);
  const texts = given.length === 5 ? ['0', ...given] : given;
  const steps = FIELDS.flatMap(({ name, values, unit, size }, index) => {
    const text = texts[index]!;
    const step = Number(/^(?:\*|\d+)\/(\d+)$/.exec(text)?.[1] ?? 1);
    if (step === 1) return [];
    if (size === null) return [`${text} in the ${name} starts over each ${unit}, so the last gap of a ${unit} varies.`];
    const matched = valuesOf(pattern[values]);
    const gap = size - matched.at(-1)! + matched[0]!;
    return gap === step
      ? []
      : [`${text} in the ${name} starts over each ${unit}: the last gap is ${gap}, not ${step}.`];
  });
  const weekday = /(?:^|,)(29|30|31)W(?:,|$)/i.exec(texts[3]!)?.[1];
  if (!weekday) return steps;
  return [...steps, `${weekday}W skips months without a day ${weekday}. LW is the last weekday of every month.`];
}
