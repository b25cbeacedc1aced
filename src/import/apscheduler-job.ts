import { z } from 'zod';
import type { Json } from '../core/json.js';
import { optional } from './import-result.js';

const text = z.union([z.string(), z.number()]).transform(String);
const number = z.coerce.number();
const boolean = z.union([
  z.boolean(),
  z.literal([0, 1]).transform(Boolean),
  z.stringbool({ truthy: ['true', '1'], falsy: ['false', '0'] }),
]);

/** The arguments of the function. A job store may hold them as JSON in a text. A single value is one argument. */
const args = z
  .json()
  .optional()
  .transform((written) => {
    const value = fromText(written);
    if (isEmpty(value)) return [];
    return Array.isArray(value) ? value : [value];
  });

const kwargs = z
  .json()
  .optional()
  .transform((written) => {
    const value = fromText(written);
    return isEmpty(value) ? {} : value;
  })
  .pipe(z.record(z.string(), z.json()));

const job = z.object({
  id: optional(text),
  name: optional(text),
  func: z.string(),
  args,
  kwargs,
  trigger: z.string(),
  year: optional(text),
  month: optional(text),
  day: optional(text),
  week: optional(text),
  day_of_week: optional(text),
  hour: optional(text),
  minute: optional(text),
  second: optional(text),
  weeks: number.default(0),
  days: number.default(0),
  hours: number.default(0),
  minutes: number.default(0),
  seconds: number.default(0),
  run_date: optional(text),
  start_date: optional(text),
  end_date: optional(text),
  timezone: optional(text),
  jitter: optional(number),
  /** A date, or seconds since 1970. Null: the job is paused. */
  next_run_time: text.nullish(),
  /** Seconds. Null: a run is never too late. */
  misfire_grace_time: number.nullish(),
  coalesce: boolean.default(true),
  max_instances: number.default(1),
});

/** A job as the API of Flask-APScheduler returns it, as its configuration has it, or as a job store was exported. */
export const apschedulerJob = z.preprocess(
  (written) => withoutEmptyFields(withTriggerOfText(withFlatTrigger(written))),
  job,
);
export type ApschedulerJob = z.output<typeof job>;

/** The id of a job, also of one that is invalid otherwise. Undefined when it has none. */
export const idOf = (written: unknown): string | undefined =>
  job.pick({ id: true }).safeParse(written).data?.id || undefined;

/** The value of a text that holds JSON; anything else as it is. */
function fromText(value: Json | undefined): Json | undefined {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value) as Json;
  } catch {
    return value.trim() === '()' || value.trim() === 'None' ? null : value;
  }
}

const isEmpty = (value: Json | undefined): value is undefined | null | '' =>
  value === undefined ||
  value === null ||
  value === '' ||
  (typeof value === 'object' && Object.keys(value).length === 0);

/** The fields of a job with the defaults for those that it does not set. */
export const withDefaults = (written: object, defaults: object): object =>
  Object.assign({}, withoutEmptyFields(defaults), withoutEmptyFields(written));

/** Fields for which null has a meaning of its own. */
const NULLABLE = new Set(['next_run_time', 'misfire_grace_time']);

/** An export writes a field that is not set as null, as an empty text or as None. A next_run_time in any of these forms is
 *  null: the job is paused. */
function withoutEmptyFields(written: unknown): unknown {
  if (!isObject(written)) return written;
  return Object.fromEntries(
    Object.entries(written).flatMap(([field, value]) => {
      if (field === 'args' || field === 'kwargs') return [[field, value]];
      if (value === null || value === 'None') return NULLABLE.has(field) ? [[field, null]] : [];
      if (value === '') return field === 'next_run_time' ? [[field, null]] : [];
      return [[field, value]];
    }),
  );
}

/** A configuration may have the trigger as an object with the fields of the trigger. Without a type it is a date. */
function withFlatTrigger(written: unknown): unknown {
  if (!isObject(written)) return written;
  const { trigger } = written;
  if (trigger === undefined || trigger === null || trigger === '') return { ...written, trigger: 'date' };
  if (!isObject(trigger)) return written;
  const { type = 'date', ...fields } = trigger;
  return { ...written, ...fields, trigger: type };
}

/** APScheduler prints a trigger as `cron[hour='5']`, `interval[1 day, 0:10:00]` or `date[2030-06-01 12:00:00 UTC]`. */
function withTriggerOfText(written: unknown): unknown {
  if (!isObject(written) || typeof written.trigger !== 'string') return written;
  const [, type, content = ''] = /^(cron|interval|date)\[(.*)\]$/.exec(written.trigger) ?? [];
  const fields = type === undefined ? undefined : FIELDS_OF_TEXT[type]!(content);
  return fields ? { ...written, ...fields, trigger: type } : written;
}

const FIELDS_OF_TEXT: Record<string, (content: string) => Record<string, string> | undefined> = {
  cron: (content) => {
    const fields = [...content.matchAll(/(\w+)='([^']*)'/g)].map(([, name, value]) => [name!, value!]);
    return fields.length === 0 ? undefined : (Object.fromEntries(fields) as Record<string, string>);
  },
  interval: (content) => {
    const [, days = '0', hours, minutes, seconds] =
      /^(?:(\d+) days?, )?(\d+):(\d+):(\d+(?:\.\d+)?)$/.exec(content) ?? [];
    return hours === undefined ? undefined : { days, hours, minutes: minutes!, seconds: seconds! };
  },
  date: (content) => ({ run_date: content }),
};

const isObject = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === 'object' && !Array.isArray(value);
