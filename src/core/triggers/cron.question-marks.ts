import { fromAws } from './cron.aws.js';
import { calendarOf } from './cron.calendar.js';
import { CRON_FIELDS, withSecond } from './cron.fields.js';
import { unreadValueFault } from './cron.pattern.js';

const MAY_BE_OPEN = new Set<string | undefined>(['day-of-month', 'day-of-week']);
const HOUR = 2;
const MONTH = 4;

/** What is wrong with the question marks or with the order of fields, or undefined. `?` stands for a whole day field that is left
 *  open, as in Quartz. In any other place it is usually the sign of an expression in the order of AWS EventBridge, which would run at
 *  other times here: six fields with the year last and without seconds. Only new definitions are checked, since stored ones fire as
 *  they always did. */
export function misplacedQuestionMark(expression: string): string | undefined {
  const fields = expression.trim().split(/\s+/);
  if (fields.length < 5 || fields.length > 7) return undefined;
  if (fields.length === 6) {
    const hasYearLast = /^\d{4}(?!\d)/.test(fields[5]!);
    if (hasYearLast || fields[HOUR]!.includes('?') || fields[MONTH]!.includes('?'))
      return orderOfSix(fields, hasYearLast);
  }
  const all = withSecond(fields);
  const at = all.findIndex((field, index) => field.includes('?') && !MAY_BE_OPEN.has(CRON_FIELDS[index]?.name));
  if (at >= 0)
    return `"?" is allowed in the day-of-month or the day-of-week, not in the ${CRON_FIELDS[at]!.name}. Write *`;
  const mixed = all.find((field) => field.includes('?') && field !== '?');
  return mixed && `"?" stands for a whole field; it cannot be part of "${mixed}". Write only the days`;
}

/** What to write instead of six fields whose last one is a year, or seems to be. It proposes only expressions that are valid. */
function orderOfSix(fields: string[], hasYearLast: boolean): string {
  const [ofAws, ofSeconds] = [fromAws(fields), [...fields.slice(0, 5), '*', fields[5]].join(' ')];
  const seven = isValid(ofAws)
    ? `write seven: "${ofAws}"`
    : 'write seven, with a 0 for the second in front and with names for the days of the week, because AWS counts them from 1 = Sunday';
  return (
    'With six fields, the first is the second, and there is no year. In the order of AWS (minute hour day-of-month month ' +
    `day-of-week year), ${seven}${hasYearLast && isValid(ofSeconds) ? `. With the second first, write "${ofSeconds}"` : ''}`
  );
}

function isValid(expression: string): boolean {
  if (misplacedQuestionMark(expression)) return false;
  try {
    return calendarOf(expression).next(0) !== null && unreadValueFault(expression) === undefined;
  } catch {
    return false;
  }
}
