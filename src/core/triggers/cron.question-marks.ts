import { shortName, WEEKDAYS } from './calendar-names.js';

const FIELDS = ['minute', 'hour', 'day-of-month', 'month', 'day-of-week'];
const MAY_BE_OPEN = new Set(['day-of-month', 'day-of-week']);

/** What is wrong with the question marks or with the order of fields, or undefined. `?` stands for a whole day field that is left open, as in
 *  Quartz. In any other place it is usually the sign of an expression in the order of AWS EventBridge, which would run at other times here:
 *  six fields with the year last and without seconds. Only new definitions are checked, since stored ones fire as they always did. */
export function misplacedQuestionMark(expression: string): string | undefined {
  const fields = expression.trim().split(/\s+/);
  if (fields.length < 5 || fields.length > 7) return undefined;
  const names = fields.length === 5 ? FIELDS : ['second', ...FIELDS, 'year'];
  const hasYearLast = fields.length === 6 && /^\d{4}(?!\d)/.test(fields[5]!);
  const at = fields.findIndex((field, index) => field.includes('?') && !MAY_BE_OPEN.has(names[index]!));
  if (fields.length === 6 && (hasYearLast || at === 2 || at === 4))
    return `Six fields begin with the second and have no year. In the order of AWS (minute hour day-of-month month day-of-week year), write seven: "${withSeconds(fields)}"${hasYearLast ? `. With the second first, write "${[...fields.slice(0, 5), '*', fields[5]].join(' ')}"` : ''}`;
  if (at >= 0) return `"?" is allowed in the day-of-month or the day-of-week, not in the ${names[at]}. Write *`;
  const mixed = fields.find((field) => field.includes('?') && field !== '?');
  if (mixed) return `"?" stands for a whole field, so "${mixed}" means nothing. Write * or the days`;
  return undefined;
}

/** The seven fields that mean what the six fields of AWS mean. AWS counts the days of the week from Sunday = 1. */
function withSeconds(fields: string[]): string {
  const [minute, hour, day, month, weekday, year] = fields as [string, string, string, string, string, string];
  const named = weekday.replace(/(?<![\d#/])[1-7](?!\d)/g, (number) => shortName(WEEKDAYS[Number(number) - 1]!));
  return ['0', minute, hour, day, month, named, year].join(' ');
}
