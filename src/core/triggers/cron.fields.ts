/** The fields of a cron expression, in their order. Five fields lack the second and the year, six lack the year.
 *  `parsed` is the property of croner's pattern. Of each field that accepts steps in a cycle, `first` is the least of its `count` values,
 *  `unit` is what they count, and a step starts over with each `cycle`. */
export const CRON_FIELDS = [
  {
    name: 'second',
    accepts: '0-59, such as 0, 0,30 or */10',
    parsed: 'second',
    steps: { first: 0, count: 60, unit: 'second', cycle: 'minute' },
  },
  {
    name: 'minute',
    accepts: '0-59, such as 0, 0,30, 10-20 or */15',
    parsed: 'minute',
    steps: { first: 0, count: 60, unit: 'minute', cycle: 'hour' },
  },
  {
    name: 'hour',
    accepts: '0-23, such as 9, 9-17 or */2',
    parsed: 'hour',
    steps: { first: 0, count: 24, unit: 'hour', cycle: 'day' },
  },
  {
    name: 'day-of-month',
    accepts: '1-31, L (last day), LW (last weekday) or 15W (weekday nearest the 15th)',
    parsed: 'day',
    steps: { first: 1, count: 31, unit: 'day', cycle: 'month' },
  },
  {
    name: 'month',
    accepts: '1-12 or JAN-DEC, such as 1,7 or */3',
    parsed: 'month',
    steps: { first: 1, count: 12, unit: 'month', cycle: 'year' },
  },
  {
    name: 'day-of-week',
    accepts:
      '0-7 (Sunday is 0 and 7) or SUN-SAT, such as MON-FRI, SAT,SUN, FRI#2 (second Friday) or FRIL (last Friday)',
    parsed: 'dayOfWeek',
    steps: { first: 0, count: 7, unit: 'day', cycle: 'week' },
  },
  { name: 'year', accepts: '1970-9999, such as 2027 or 2027-2030', parsed: 'year', steps: null },
] as const;

export type CronField = (typeof CRON_FIELDS)[number];

/** The fields of an expression in the order of CRON_FIELDS, with the second that five fields mean. The year may be missing. */
export function withSecond(fields: string[]): string[] {
  return fields.length === 5 ? ['0', ...fields] : fields;
}
