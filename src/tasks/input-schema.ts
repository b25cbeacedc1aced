import type { z } from 'zod';
import type { InputSchema } from './task.decorator.js';

/** The JSON Schema (2020-12) of what a job may give to a task. Where the schema's library cannot show a part of it, or
 *  the whole, that admits anything: what a job gives is checked by the schema itself. */
export function inputSchemaOf(schema: InputSchema | undefined): Record<string, unknown> {
  if (!schema) return { type: 'object', properties: {}, additionalProperties: false };
  try {
    // Zod's own options; other libraries leave them aside.
    const libraryOptions = { unrepresentable: 'any', override: withoutFlaggedPattern };
    return schema['~standard'].jsonSchema.input({ target: 'draft-2020-12', libraryOptions });
  } catch {
    return {};
  }
}

/** JSON Schema has patterns but no flags, and a pattern without its flags refuses what the task takes. */
function withoutFlaggedPattern({ zodSchema, jsonSchema }: Parameters<Override>[0]): void {
  const { checks = [], ...own } = zodSchema._zod.def as { checks?: z.core.$ZodCheck[]; pattern?: RegExp };
  const patterns = [own, ...checks.map(({ _zod }) => _zod.def as { pattern?: RegExp })].map(({ pattern }) => pattern);
  if (patterns.some((pattern) => /[imsuv]/.test(pattern?.flags ?? ''))) delete jsonSchema.pattern;
}

type Override = NonNullable<NonNullable<Parameters<typeof z.toJSONSchema>[1]>['override']>;
