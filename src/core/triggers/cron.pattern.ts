import { CronPattern } from 'croner';
import { Problem } from '../problem.js';
import { CRON_FIELDS, withSecond } from './cron.fields.js';
import { correctionOf, ruleFor } from './cron.hints.js';
import { hasUnreadValue } from './cron.unread-values.js';

const NICKNAMES = ['@hourly', '@daily', '@midnight', '@weekly', '@monthly', '@yearly', '@annually'];

/** Parses a cron expression. Throws INVALID_CRON with the name of the first invalid field and the values that it accepts. */
export function parseCron(expression: string): CronPattern {
  if (expression.length > 256)
    refuse('An expression has at most 256 characters; use a range or a step such as 0-59/5 instead of a long list');
  const fields = expression.trim().split(/\s+/);
  if (fields[0] === '') refuse('Say when to run, such as "0 9 * * MON-FRI" or "@daily"');
  if (hasZone(expression)) refuse(zoneFaultOf(fields));
  if (fields[0]!.startsWith('@')) return parseNickname(fields.join(' '));
  if (fields.length < 5 || fields.length > 7) {
    refuse(
      `${count(fields.length)}, but 5 are needed (minute hour day-of-month month day-of-week), or 6 (seconds first) ` +
        `or 7 (year last), such as "0 9 * * MON-FRI"`,
    );
  }
  const all = withSecond(fields);
  const pattern = all.some(stepsFromNothing) ? null : tryRead(all);
  return pattern ?? refuse(faultOf(all));
}

/** The values that a field of a pattern accepts, in ascending order. `first` is the value of the first element. */
export const valuesOf = (field: ArrayLike<number>, first = 0): number[] =>
  Array.from(field).flatMap((accepted, index) => (accepted ? [index + first] : []));

/** True for an expression that begins with its zone, as in robfig/cron. */
export const hasZone = (expression: string): boolean => /^\s*(CRON_)?TZ=/i.test(expression);

function zoneFaultOf([zone, ...rest]: string[]): string {
  const name = zone!.slice(zone!.indexOf('=') + 1);
  return `A time zone is not part of an expression; set timeZone to "${name}" and write "${rest.join(' ')}"`;
}

/** What is wrong with a value that croner accepts without using it. Undefined when there is none. Only new definitions are checked,
 *  since stored ones fire as they always did. */
export function unreadValueFault(expression: string): string | undefined {
  const fields = expression.trim().split(/\s+/);
  if (fields.length < 5) return undefined;
  const all = withSecond(fields);
  return all.some((text, index) => hasUnreadValue(CRON_FIELDS[index]!, text)) ? faultOf(all) : undefined;
}

function parseNickname(name: string): CronPattern {
  const hint = /^@every\b/i.test(name)
    ? '; for a fixed distance, use a trigger of type interval with everySeconds'
    : '';
  if (!NICKNAMES.includes(name.toLowerCase()))
    refuse(`"${name}" is unknown; known names: ${NICKNAMES.join(' ')}${hint}`);
  return read([name]);
}

/** What is wrong with the first field that cannot be parsed. */
function faultOf(fields: string[]): string {
  for (const [index, field] of CRON_FIELDS.entries()) {
    const { name, accepts } = field;
    const text = fields[index] ?? '*';
    if (stepsFromNothing(text))
      return `The ${name} "${text}" has nothing before the slash of its step; write * or a number there`;
    if (/\/0+(,|$)/.test(text)) return `The ${name} "${text}" has a step of 0; the smallest is 1, such as */1`;
    const isValid = (written: string) =>
      !hasUnreadValue(field, written) &&
      tryRead(CRON_FIELDS.map((_field, at) => (at === index ? written : '*'))) !== null;
    if (isValid(text)) continue;
    const correction = correctionOf(field, text);
    const hint = isValid(correction) ? `write ${correction}` : ruleFor(name, text);
    return `The ${name} "${text}" is not valid; it accepts ${accepts}${hint ? `; ${hint}` : ''}`;
  }
  return 'The expression is not valid; "0 9 * * MON-FRI" is an example of a valid one';
}

const stepsFromNothing = (field: string): boolean => /(^|,)\//.test(field);

function tryRead(fields: string[]): CronPattern | null {
  try {
    return read(fields);
  } catch {
    return null;
  }
}

/** 'no-wildcard': a time of day is fixed when second, minute and hour have no wildcard and no step. `a/n` is a step. */
const read = (fields: string[]): CronPattern =>
  new CronPattern(fields.join(' '), undefined, { fixedTimeRule: 'no-wildcard', sloppyRanges: true });

const count = (fields: number): string => (fields === 1 ? 'There is 1 field' : `There are ${fields} fields`);

function refuse(message: string): never {
  throw new Problem(422, 'INVALID_CRON', message);
}
