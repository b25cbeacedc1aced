import { z } from 'zod';
import { optional } from './import-result.js';

const text = z.union([z.string(), z.number()]).transform(String);
const number = z.coerce.number();

const job = z.object({
  id: optional(text),
  name: optional(text),
  func: z.string(),
  args: z.array(z.json()).default([]),
  kwargs: z.record(z.string(), z.json()).default({}),
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
  /** Null: the job is paused. */
  next_run_time: z.string().nullish(),
  /** Seconds. Null: a run is never too late. */
  misfire_grace_time: z.number().nullish(),
  coalesce: z.boolean().default(true),
  max_instances: number.default(1),
});

/** A job as the API of Flask-APScheduler returns it, or as its configuration has it. There, the trigger may be an object
 *  with the fields of the trigger. */
export const apschedulerJob = z.preprocess(withFlatTrigger, job);
export type ApschedulerJob = z.output<typeof job>;

/** The id of a job, also of one that is invalid otherwise. Undefined when it has none. */
export const idOf = (written: unknown): string | undefined => job.pick({ id: true }).safeParse(written).data?.id;

function withFlatTrigger(written: unknown): unknown {
  const { trigger } = (written ?? {}) as { trigger?: unknown };
  if (trigger === null || typeof trigger !== 'object') return written;
  const { type = 'date', ...fields } = trigger as { type?: unknown };
  return { ...(written as object), ...fields, trigger: type };
}
