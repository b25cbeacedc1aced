import * as fc from 'fast-check';
import { cursors } from './cursors.js';
import { hostileValue } from './hostile.js';

export interface Schema {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  anyOf?: Schema[];
  oneOf?: Schema[];
  format?: string;
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  maxItems?: number;
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  propertyNames?: Schema;
  additionalProperties?: Schema | boolean;
  example?: unknown;
}

/** Few names, so that requests hit the same jobs. The last job belongs to code. */
export const jobNames = fc.constantFrom('a', 'b.1', 'c-2', 'd_3', 'e'.repeat(128), 'prune-runs');
const HOUR = 3_600_000;
const hoursFromNow = (min: number, max: number) =>
  fc.integer({ min, max }).map((hours) => new Date(Date.now() + hours * HOUR).toISOString());
const instants = fc.oneof(
  hoursFromNow(-48, 48),
  fc.constantFrom(
    '1970-01-01T00:00:00Z',
    '9999-12-31T23:59:59.999Z',
    '2026-03-29T02:30:00+01:00',
    '2024-02-29T00:00:00Z',
  ),
);
const sql = fc.constantFrom('SELECT 1', 'SELECT $1::text', "SELECT repeat('x', 100000)", 'SELECT 1/0', 'COMMIT', '');

/** Values for fields whose rules the document cannot express. */
const KNOWN: Record<string, fc.Arbitrary<unknown>> = {
  name: jobNames,
  id: fc.oneof({ weight: 5, arbitrary: fc.constant('{run}') }, { weight: 1, arbitrary: fc.uuid() }),
  cursor: cursors,
  prune: fc.constantFrom('false', 'false', 'false', 'true'),
  job: jobNames,
  target: jobNames,
  task: fc.constantFrom('sql', 'sql', 'sql', 'http', 'table-sizes', 'nope'),
  input: fc.oneof(
    { weight: 6, arbitrary: fc.record({ statement: sql, values: fc.constant([]) }, { requiredKeys: ['statement'] }) },
    { weight: 2, arbitrary: fc.constantFrom<object>({}, { url: 'http://127.0.0.1:1/' }, { top: 1 }) },
    { weight: 1, arbitrary: fc.record({ statement: sql, values: fc.array(hostileValue, { maxLength: 2 }) }) },
  ),
  from: fc.oneof({ weight: 3, arbitrary: hoursFromNow(-24, 0) }, { weight: 1, arbitrary: instants }),
  to: fc.oneof({ weight: 3, arbitrary: hoursFromNow(1, 24) }, { weight: 1, arbitrary: instants }),
  everySeconds: fc.constantFrom(0.1, 0.25, 30, 3_600, 86_400, 315_360_000, 0.099, 315_360_001),
  jitterSeconds: fc.constantFrom(0, 0, 0.05, 30, 0.0001),
  timeZone: fc.constantFrom('UTC', 'Europe/Berlin', 'america/new_york', 'Pacific/Apia', 'Asia/Kathmandu', 'US/Eastern'),
  expression: fc.oneof(
    {
      weight: 9,
      arbitrary: fc.constantFrom('* * * * *', '*/5 9-17 * * MON-FRI', '0 0 L * *', '0 0 1 * +MON', '@daily'),
    },
    { weight: 3, arbitrary: fc.constantFrom('* * * * * *', '0 0 0 1 1 ? 2099', '59 23 LW 2 FRI#5', '0 0 29 2 *') },
    { weight: 1, arbitrary: fc.constantFrom('0 0 31 2 *', '60 * * * *', '22-2 * * * *', '@reboot') },
  ),
};

/** Values of a schema, with each bound and what lies just beyond it. With `wild`, anything may be anywhere. */
export function valuesOf(
  schema: Schema,
  schemas: Record<string, Schema>,
  wild: boolean,
  field = '',
): fc.Arbitrary<unknown> {
  const of = (inner: Schema, name = '') => valuesOf(inner, schemas, wild, name);
  const fitting = fits(schema, schemas, of, field);
  return wild ? fc.oneof({ weight: 8, arbitrary: fitting }, { weight: 1, arbitrary: hostileValue }) : fitting;
}

type Of = (inner: Schema, name?: string) => fc.Arbitrary<unknown>;

function fits(schema: Schema, schemas: Record<string, Schema>, of: Of, field: string): fc.Arbitrary<unknown> {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.replace('#/components/schemas/', '');
    return name === 'JsonValue' ? (KNOWN[field] ?? fc.jsonValue({ maxDepth: 2 })) : of(schemas[name]!, field);
  }
  const known = schema.enum ? fc.constantFrom(...schema.enum) : KNOWN[field];
  if (known) return known;
  const options = schema.oneOf ?? schema.anyOf;
  return options ? fc.oneof(...options.map((option) => of(option, field))) : plain(schema, of);
}

function plain(schema: Schema, of: Of): fc.Arbitrary<unknown> {
  switch ([schema.type].flat()[0]) {
    case 'string':
      return texts(schema);
    case 'integer':
    case 'number':
      return numbers(schema);
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'array':
      return fc.array(of(schema.items ?? {}), { maxLength: 3 });
    case 'object':
      return objects(schema, of);
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

function texts({ format, pattern, minLength = 0, maxLength = 64 }: Schema): fc.Arbitrary<string> {
  if (format === 'date-time') return instants;
  if (format === 'uuid') return fc.uuid();
  if (pattern !== undefined) return pattern.includes('a-z0-9._-') ? jobNames : fc.stringMatching(new RegExp(pattern));
  const bounds = [minLength, maxLength, maxLength + 1].map((length) => 'y'.repeat(length));
  const within = fc.string({ unit: 'grapheme', minLength, maxLength: Math.min(maxLength, 64) });
  return fc.oneof({ weight: 9, arbitrary: within }, { weight: 1, arbitrary: fc.constantFrom(...bounds) });
}

function numbers({ type, minimum = -1e6, maximum = 1e6 }: Schema): fc.Arbitrary<number> {
  const [min, max] = [Math.ceil(minimum), Math.floor(maximum)];
  const within = type === 'integer' ? fc.integer({ min, max }) : fc.double({ min: minimum, max: maximum, noNaN: true });
  return fc.oneof(
    { weight: 9, arbitrary: within },
    { weight: 1, arbitrary: fc.constantFrom(min, max, min - 1, max + 1) },
  );
}

function objects(
  { properties, required = [], propertyNames, additionalProperties }: Schema,
  of: Of,
): fc.Arbitrary<unknown> {
  if (!properties && typeof additionalProperties === 'object') {
    const keys = propertyNames ? jobNames : fc.string({ maxLength: 8 });
    return fc.dictionary(keys, of(additionalProperties), { maxKeys: 3 });
  }
  const fields = Object.entries(properties ?? {}).map(([name, inner]) => [name, of(inner, name)]);
  // Only some of the optional fields: with all of them hardly any body would be valid.
  return fc
    .record(Object.fromEntries(fields) as Record<string, fc.Arbitrary<unknown>>, { requiredKeys: required })
    .chain((whole) =>
      fc
        .subarray(Object.keys(whole).filter((name) => !required.includes(name)))
        .map((dropped) => Object.fromEntries(Object.entries(whole).filter(([name]) => !dropped.includes(name)))),
    );
}
