import { z } from 'zod';

export type Side = 'input' | 'output';
export type JsonSchema = z.core.JSONSchema.BaseSchema;

/** The JSON Schema (2020-12, which OpenAPI 3.1 uses) of a schema's input or output. Its named parts are under `$defs`.
 *  Throws when JSON cannot express a type, unless `lenient` is given: the type then allows any value. */
export const jsonSchemaOf = (schema: z.core.$ZodType, side: Side, lenient?: 'lenient'): JsonSchema =>
  z.toJSONSchema(schema, {
    target: 'draft-2020-12',
    io: side,
    override: ({ zodSchema, jsonSchema }) => tidy(zodSchema, jsonSchema, side),
    unrepresentable: ({ zodSchema }) => {
      if (zodSchema._zod.def.type === 'date') return { type: 'string', format: 'date-time' };
      return lenient ? 'any' : 'throw';
    },
  });

function tidy(zodSchema: z.core.$ZodTypes, json: JsonSchema, side: Side): void {
  const { def } = zodSchema._zod;
  // zod drops the examples of a schema that transforms its input, since they may be outputs. Ours are always inputs.
  const { examples } = z.globalRegistry.get(zodSchema) ?? {};
  if (side === 'input' && Array.isArray(examples)) json.examples = examples;
  if (/^(date|date-time|time|duration)$/.test(json.format ?? '')) delete json.pattern;
  if (json.minimum === Number.MIN_SAFE_INTEGER) delete json.minimum;
  if (json.maximum === Number.MAX_SAFE_INTEGER) delete json.maximum;
  if (JSON.stringify(json.propertyNames) === '{"type":"string"}') delete json.propertyNames;
  // zod forbids additional properties in outputs but not in inputs. Without this, every object would differ between the two.
  if (side === 'output' && def.type === 'object' && !def.catchall) delete json.additionalProperties;
  if (zodSchema instanceof z.core.$ZodDiscriminatedUnion) discriminate(zodSchema, json);
}

/** An OpenAPI discriminator works only when all options are named. Without a mapping, OpenAPI takes the discriminator's value for
 *  the name of the option. */
function discriminate(union: z.core.$ZodDiscriminatedUnion, json: JsonSchema): void {
  const { discriminator, options } = union._zod.def;
  const refs = json.oneOf?.map(({ $ref }) => $ref) ?? [];
  if (refs.includes(undefined)) return;
  const mapping = options.flatMap((option, index) =>
    [...(option._zod.propValues?.[discriminator] ?? [])].map((value) => [String(value), refs[index]]),
  );
  json.discriminator = { propertyName: discriminator, mapping: Object.fromEntries(mapping) };
}
