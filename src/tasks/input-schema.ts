import type { InputSchema } from './task.decorator.js';

/** The JSON Schema (2020-12) of what a job may give to a task. Where the schema's library cannot show a part of it, or
 *  the whole, that admits anything: what a job gives is checked by the schema itself. */
export function inputSchemaOf(schema: InputSchema | undefined): Record<string, unknown> {
  if (!schema) return { type: 'object', properties: {}, additionalProperties: false };
  try {
    // Zod's own option; other libraries leave it aside.
    const libraryOptions = { unrepresentable: 'any' };
    return schema['~standard'].jsonSchema.input({ target: 'draft-2020-12', libraryOptions });
  } catch {
    return {};
  }
}
