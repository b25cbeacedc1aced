import type { z } from 'zod';
import { NotImported } from './found.js';

/** `value` as the schema reads it. */
export function readAs<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const { data, error } = schema.safeParse(value);
  if (!error) return data;
  const [issue] = error.issues;
  throw new NotImported(`${issue!.path.map(String).join('.')}: ${issue!.message}`);
}
