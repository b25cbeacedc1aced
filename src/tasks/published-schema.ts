import { z } from 'zod';
import type { InputSchema } from './task.decorator.js';

/** Checks what a task's JSON Schema says of its input. One that zod cannot read admits anything: each attempt checks the input by
 *  the task's own schema. */
export function publishedSchema(input: Record<string, unknown>): InputSchema {
  try {
    // With a registry of its own, since a name in it may be one of ours.
    return z.fromJSONSchema(input, { registry: z.registry() });
  } catch {
    return z.unknown();
  }
}
