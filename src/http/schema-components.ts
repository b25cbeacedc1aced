import { isDeepStrictEqual } from 'node:util';
import type { SwaggerDocumentOptions } from '@nestjs/swagger';
import { z } from 'zod';
import { type JsonSchema, jsonSchemaOf, type Side } from './json-schema.js';

const DEFINITION = '#/$defs/';
const COMPONENT = '#/components/schemas/';

type Definitions = Record<string, JsonSchema>;
interface Parts {
  root: JsonSchema;
  definitions: Definitions;
}

/** Returns the schema converter of one OpenAPI document. A schema named with `.meta({ id })` becomes a component with that name.
 *  When its input differs from its output, for example because of defaults, the component of the input is called `<name>Input`.
 *  The converter adds all components to `known`. It throws when two different schemas have the same name, or a recursive one has
 *  no name. */
export function schemaComponents(
  known = new Map<string, JsonSchema>(),
): NonNullable<SwaggerDocumentOptions['standardSchemaConverter']> {
  return (schema, { schemaType }) => {
    if (!(schema instanceof z.core.$ZodType)) return undefined;
    const own = partsOf(schema, schemaType);
    const inputs =
      schemaType === 'input' ? differing(own.definitions, partsOf(schema, 'output', 'lenient').definitions) : new Set();
    const { root, definitions } = rename(own, COMPONENT, (name) => (inputs.has(name) ? `${name}Input` : name));
    for (const [name, definition] of Object.entries(definitions)) {
      if (!isDeepStrictEqual(known.get(name) ?? definition, definition)) {
        throw new Error(`Two different schemas are named "${name}": change the id in the .meta() of one.`);
      }
      known.set(name, definition);
    }
    return { schema: root, components: definitions };
  };
}

function partsOf(schema: z.core.$ZodType, side: Side, lenient?: 'lenient'): Parts {
  const { $schema: _, $defs: definitions = {}, ...root } = jsonSchemaOf(schema, side, lenient);
  if (JSON.stringify(root).includes('"$ref":"#"')) throw unnamed();
  return rename({ root, definitions }, DEFINITION, (name) =>
    name.startsWith('__schema') ? nameOfRecursive(name, definitions[name]) : name,
  );
}

/** zod numbers recursive schemas without a name, from 0 in each conversion. Only `z.json()` is known here and gets a name. */
function nameOfRecursive(name: string, definition: unknown): string {
  const anyJson = jsonSchemaOf(z.array(z.json()), 'output').$defs?.__schema0;
  if (JSON.stringify(definition).replaceAll(name, '__schema0') !== JSON.stringify(anyJson)) throw unnamed();
  return 'JsonValue';
}

const unnamed = () => new Error('A recursive schema needs a name in OpenAPI: give it .meta({ id }).');

function rename({ root, definitions }: Parts, prefix: string, nameOf: (name: string) => string): Parts {
  const relink = (json: JsonSchema): JsonSchema =>
    JSON.parse(JSON.stringify(json), (_key, value: unknown) =>
      typeof value === 'string' && value.startsWith(DEFINITION)
        ? prefix + nameOf(value.slice(DEFINITION.length))
        : value,
    );
  const entries = Object.entries(definitions).map(([name, definition]) => [nameOf(name), relink(definition)]);
  return { root: relink(root), definitions: Object.fromEntries(entries) };
}

/** The names of the schemas that differ from their twin, or refer to a schema that does. */
function differing(own: Definitions, twin: Definitions): Set<unknown> {
  const names = Object.keys(own);
  const found = new Set(names.filter((name) => name in twin && !isDeepStrictEqual(own[name], twin[name])));
  for (let size = -1; size !== found.size;) {
    size = found.size;
    for (const name of names) {
      const text = JSON.stringify(own[name]);
      if ([...found].some((other) => text.includes(`"${DEFINITION}${other}"`))) found.add(name);
    }
  }
  return found;
}
