import type { CronField } from './cron.fields.js';

const LAST_YEAR = 9999;

/** True when croner accepts a field without using all of its values: a step that starts behind the last value (60/5), a range with a
 *  step that ends behind it (8-30/12), and SUN-SUN, which croner reads as the whole week. */
export function hasUnreadValue({ name, steps }: CronField, text: string): boolean {
  const isDayOfWeek = name === 'day-of-week';
  const last = steps ? steps.first + steps.count - 1 : LAST_YEAR;
  const items = text.replace(/^\+/, '').split(',');
  if (isDayOfWeek && items.some((item) => /^SUN-SUN/i.test(item))) return true;
  return items.some((item) => {
    const [, from, to] = /^(\w+)(?:-(\w+))?\//.exec(item) ?? [];
    return to === undefined ? Number(from) > last : Number(to) > (isDayOfWeek ? 7 : last);
  });
}
