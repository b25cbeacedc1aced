import { z } from 'zod';

const text = z.union([z.string(), z.number()]).transform(String);
const number = z.coerce.number();
const left = <T extends z.ZodType>(schema: T) => schema.nullish().transform((value) => value ?? undefined);

const job = z.object({
  id: left(text),
  name: left(text),
  func: z.string(),
  args: z.array(z.json()).default([]),
  kwargs: z.record(z.string(), z.json()).default({}),
  trigger: z.string(),
  year: left(text),
  month: left(text),
  day: left(text),
  week: left(text),
  day_of_week: left(text),
  hour: left(text),
  minute: left(text),
  second: left(text),
  weeks: number.default(0),
  days: number.default(0),
  hours: number.default(0),
  minutes: number.default(0),
  seconds: number.default(0),
  run_date: left(text),
  start_date: left(text),
  end_date: left(text),
  timezone: left(text),
  jitter: left(number),
  /** Null: paused. */
  next_run_time: z.string().nullish(),
  /** Seconds. Null: for ever. */
  misfire_grace_time: z.number().nullish(),
  coalesce: z.boolean().default(true),
  max_instances: number.default(1),
});

/** A job as Flask-APScheduler writes it, or as its configuration does, where the trigger may be an object. */
export const apschedulerJob = z.preprocess(withFlatTrigger, job);
export type ApschedulerJob = z.output<typeof job>;

/** Its name, where it says one that can be read. */
export const idOf = (written: unknown): string | undefined => job.pick({ id: true }).safeParse(written).data?.id;

function withFlatTrigger(written: unknown): unknown {
  const { trigger } = (written ?? {}) as { trigger?: unknown };
  if (trigger === null || typeof trigger !== 'object') return written;
  const { type = 'date', ...fields } = trigger as { type?: unknown };
  return { ...(written as object), ...fields, trigger: type };
}
