import type { TriggerInput } from '../core/triggers/trigger.js';
import { NotImported } from './found.js';

const UNITS: Record<string, number> = { h: 3600, m: 60, s: 1, ms: 0.001 };

/** The trigger of a CronJob's schedule. */
export function scheduleOf(schedule: unknown, timeZone: string | null | undefined, otherwise?: string): TriggerInput {
  if (typeof schedule !== 'string') throw new NotImported('it has no schedule');
  const [, prefixed, expression] = /^(?:(?:CRON_)?TZ=(\S+)\s+)?(.*)$/s.exec(schedule.trim())!;
  if (expression!.startsWith('@every ')) return { type: 'interval', everySeconds: secondsOf(expression!.slice(7)) };
  const zone = timeZone ?? prefixed ?? otherwise;
  return { type: 'cron', expression: withOpenDays(expression!), ...(zone && { timeZone: zone }) };
}

/** `*` in a list and a step of 1 leave a day field open, to which a CronJob's two days are as ours: either matches. */
function withOpenDays(expression: string): string {
  const fields = expression.split(/\s+/);
  if (fields.length !== 5) return expression;
  return fields.map((field) => (/(^|,)[*?](\/1)?(,|$)/.test(field) ? '*' : field)).join(' ');
}

function secondsOf(duration: string): number {
  const parts = [...duration.trim().matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== duration.trim())
    throw new NotImported(`@every ${duration} is no duration; 1h30m would be one`);
  const seconds = parts.reduce((sum, [, number, unit]) => sum + Number(number) * UNITS[unit!]!, 0);
  return Math.round(seconds * 1000) / 1000;
}
