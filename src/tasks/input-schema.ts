import { z } from 'zod';
import type { InputSchema } from './task.decorator.js';

/** The JSON Schema (2020-12) of a task's input. Parts that the schema library cannot convert, or the whole schema, accept
 *  any value here: the schema itself checks the input at each attempt. */
export function inputSchemaOf(schema: InputSchema | undefined): Record<string, unknown> {
  if (!schema) return { type: 'object', properties: {}, additionalProperties: false };
  try {
    // Options of zod; other libraries ignore them.
    const libraryOptions = { unrepresentable: 'any', override: withoutFlaggedPattern };
    return schema['~standard'].jsonSchema.input({ target: 'draft-2020-12', libraryOptions });
  } catch {
    return {};
  }
}

/** The opposite direction: checks an input by the JSON Schema that another process published. A schema that zod cannot
 *  read accepts any value. */
export function publishedSchema(input: Record<string, unknown>): InputSchema {
  try {
    // In a registry of its own, because an id in the schema may equal one of ours.
    return z.fromJSONSchema(input, { registry: z.registry() });
  } catch {
    return z.unknown();
  }
}

/** Drops a pattern with flags. JSON Schema has no flags, and without them the pattern refuses input that the task accepts. */
function withoutFlaggedPattern({ zodSchema, jsonSchema }: Parameters<Override>[0]): void {
  const { checks = [], ...own } = zodSchema._zod.def as { checks?: z.core.$ZodCheck[]; pattern?: RegExp };
  const patterns = [own, ...checks.map(({ _zod }) => _zod.def as { pattern?: RegExp })].map(({ pattern }) => pattern);
  if (patterns.some((pattern) => /[imsuv]/.test(pattern?.flags ?? ''))) delete jsonSchema.pattern;
}

type Override = NonNullable<NonNullable<Parameters<typeof z.toJSONSchema>[1]>['override']>;
