import { z } from 'zod';
import { httpInput } from './http-input.js';
import { keysOf } from '../core/schema-faults.js';
import { inputSchemaOf, publishedSchema } from './input-schema.js';
import type { InputSchema } from './task.decorator.js';

describe('inputSchemaOf', () => {
  it('converts a schema to JSON Schema, with its fields in the order in which they are written', () => {
    const schema = inputSchemaOf(httpInput);
    expect(schema).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      required: ['url'],
      additionalProperties: false,
      properties: {
        method: { default: 'GET', enum: expect.arrayContaining(['GET', 'POST']) },
        expectStatus: {
          anyOf: [
            { type: 'integer', minimum: 200, maximum: 599 },
            { type: 'array', minItems: 1 },
          ],
        },
      },
    });
    expect(Object.keys(schema['properties'] as object)).toEqual(Object.keys(httpInput.shape));
  });

  it('accepts only an empty object for a task without a schema', () => {
    expect(inputSchemaOf(undefined)).toEqual({ type: 'object', properties: {}, additionalProperties: false });
  });

  it('accepts any value for a part that JSON Schema cannot express', () => {
    const input = z.object({
      since: z.date(),
      word: z.string().regex(/^\p{Lu}+$/iu),
      code: z.string().regex(/^[A-Z]+$/),
    });
    expect(inputSchemaOf(input)['properties']).toEqual({
      since: {},
      word: { type: 'string' },
      code: { type: 'string', pattern: '^[A-Z]+$' },
    });
  });
});

/** The places that another process refuses, which only has the JSON Schema. */
const issuesOf = async (schema: InputSchema | undefined, input: object) => {
  const { issues = [] } = await publishedSchema(inputSchemaOf(schema))['~standard'].validate(input);
  return issues.map((issue) => keysOf(issue).map(String).join('.'));
};

const address = z.discriminatedUnion('by', [
  z.strictObject({ by: z.literal('mail'), to: z.email() }),
  z.strictObject({ by: z.literal('hook'), url: z.url(), at: z.iso.datetime({ offset: true }) }),
]);
const tree = z.strictObject({
  get children() {
    return z.array(tree);
  },
});
const all = z.strictObject({
  text: z.string().min(2).max(5),
  count: z.int().min(1).default(1),
  kind: z.enum(['a', 'b']).nullable().optional(),
  word: z.string().regex(/^x/i).optional(),
  tags: z.array(z.string()).max(2).optional(),
  pair: z.tuple([z.string(), z.number()]).optional(),
  labels: z.record(z.string().regex(/^[a-z]+$/), z.string()).optional(),
  address: address.optional(),
  tree: tree.meta({ id: 'Tree' }).optional(),
});

describe('publishedSchema', () => {
  it.each<[string, object]>([
    ['the required fields', { text: 'abc' }],
    ['all fields', { text: 'abc', count: 2, kind: null, word: 'X', tags: ['t'], pair: ['a', 1], labels: { a: 'b' } }],
    [
      'one variant of a union',
      { text: 'abc', address: { by: 'hook', url: 'https://a.bc', at: '2026-01-01T01:00:00+01:00' } },
    ],
    ['a recursive value', { text: 'abc', tree: { children: [{ children: [] }] } }],
  ])('accepts %s', async (_case, input) => {
    expect(await issuesOf(all, input)).toEqual([]);
  });

  it.each<[string, object, string[]]>([
    ['a missing field', {}, ['text']],
    ['a text that is too short', { text: 'a' }, ['text']],
    ['a value of another type', { text: 'abc', count: '2' }, ['count']],
    ['a number out of range', { text: 'abc', count: 0 }, ['count']],
    ['an unknown enum value', { text: 'abc', kind: 'c' }, ['kind']],
    ['too many items', { text: 'abc', tags: ['a', 'b', 'c'] }, ['tags']],
    ['an unknown field', { text: 'abc', txt: 1 }, ['']],
    ['a key that does not match', { text: 'abc', labels: { A: 'b' } }, ['labels.A']],
    ['no variant of a union', { text: 'abc', address: { by: 'post' } }, ['address']],
    ['a fault deep inside', { text: 'abc', tree: { children: [{}] } }, ['tree.children.0.children']],
  ])('refuses %s, and names the place', async (_case, input, places) => {
    expect(await issuesOf(all, input)).toEqual(places);
  });

  it('accepts only an empty object for a task without a schema', async () => {
    expect(await issuesOf(undefined, {})).toEqual([]);
    expect(await issuesOf(undefined, { a: 1 })).toEqual(['']);
  });

  it('checks the input of the task http', async () => {
    expect(await issuesOf(httpInput, { url: 'https://example.org/{{run.id}}', headers: { Accept: '*/*' } })).toEqual(
      [],
    );
    expect(await issuesOf(httpInput, { method: 'GO' })).toEqual(['method', 'url']);
  });

  it.each<[string, Record<string, unknown>]>([
    ['is empty', {}],
    ['has keywords that zod does not know', { dependentRequired: { a: ['b'] } }],
    ['has an invalid pattern', { type: 'object', properties: { a: { type: 'string', pattern: '(' } } }],
    ['refers to another document', { $ref: 'https://example.org/schema' }],
  ])('accepts any value when the JSON Schema %s', async (_case, schema) => {
    expect(await publishedSchema(schema)['~standard'].validate({ a: 'x' })).toEqual({ value: { a: 'x' } });
  });

  it('does not change the schemas of this process that have the same id', () => {
    const ours = z.string().meta({ id: 'OursAlone' });
    publishedSchema({ id: 'OursAlone', type: 'object' });
    const { schemas } = z.toJSONSchema(z.globalRegistry, { unrepresentable: 'any' });
    expect(z.globalRegistry.get(ours)).toEqual({ id: 'OursAlone' });
    expect(schemas['OursAlone']).toMatchObject({ type: 'string' });
  });
});
