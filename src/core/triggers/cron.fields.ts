/** The fields of a cron expression, in their order. Five fields lack the second and the year, six lack the year.
 *  `parsed` is the property of croner's pattern. `cycle` is the unit at whose start a step starts over, with the number of values in
 *  it, which is null where it varies. */
export const CRON_FIELDS = [
  {
    name: 'second',
    accepts: '0-59, such as 0, 0,30 or */10',
    parsed: 'second',
    cycle: { unit: 'minute', length: 60 },
  },
  {
    name: 'minute',
    accepts: '0-59, such as 0, 0,30, 10-20 or */15',
    parsed: 'minute',
    cycle: { unit: 'hour', length: 60 },
  },
  {
    name: 'hour',
    accepts: '0-23, such as 9, 9-17 or */2; write 22-23,0-5 for a range over midnight',
    parsed: 'hour',
    cycle: { unit: 'day', length: 24 },
  },
  {
    name: 'day-of-month',
    accepts: '1-31, L (last day), LW (last weekday) or 15W (weekday nearest the 15th)',
    parsed: 'day',
    cycle: { unit: 'month', length: null },
  },
  {
    name: 'month',
    accepts: '1-12 or JAN-DEC, such as 1,7 or */3',
    parsed: 'month',
    cycle: { unit: 'year', length: 12 },
  },
  {
    name: 'day-of-week',
    accepts:
      '0-7 (Sunday is 0 and 7) or SUN-SAT, such as MON-FRI, SAT,SUN, FRI#2 (second Friday) or FRIL (last Friday)',
    parsed: 'dayOfWeek',
    cycle: { unit: 'week', length: 7 },
  },
  { name: 'year', accepts: '1970-9999, such as 2027 or 2027-2030', parsed: 'year', cycle: null },
] as const;

/** The fields of an expression in the order of CRON_FIELDS, with the second that five fields mean. The year may be missing. */
export function withSecond(fields: string[]): string[] {
  return fields.length === 5 ? ['0', ...fields] : fields;
}
