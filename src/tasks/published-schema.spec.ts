import { z } from 'zod';
import { keysOf } from '../core/schema-faults.js';
import { httpInput } from './http-input.js';
import { inputSchemaOf } from './input-schema.js';
import { publishedSchema } from './published-schema.js';
import type { InputSchema } from './task.decorator.js';

/** As another process sees a schema. */
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

describe('a schema that was published', () => {
  it.each<[string, object]>([
    ['what has to be there', { text: 'abc' }],
    ['all of it', { text: 'abc', count: 2, kind: null, word: 'X', tags: ['t'], pair: ['a', 1], labels: { a: 'b' } }],
    [
      'one of several forms',
      { text: 'abc', address: { by: 'hook', url: 'https://a.bc', at: '2026-01-01T01:00:00+01:00' } },
    ],
    ['what contains itself', { text: 'abc', tree: { children: [{ children: [] }] } }],
  ])('takes %s', async (_case, input) => {
    expect(await issuesOf(all, input)).toEqual([]);
  });

  it.each<[string, object, string[]]>([
    ['what is missing', {}, ['text']],
    ['what is too short', { text: 'a' }, ['text']],
    ['another type', { text: 'abc', count: '2' }, ['count']],
    ['what is out of range', { text: 'abc', count: 0 }, ['count']],
    ['another word', { text: 'abc', kind: 'c' }, ['kind']],
    ['too many', { text: 'abc', tags: ['a', 'b', 'c'] }, ['tags']],
    ['an unknown field', { text: 'abc', txt: 1 }, ['']],
    ['a key of another form', { text: 'abc', labels: { A: 'b' } }, ['labels.A']],
    ['none of several forms', { text: 'abc', address: { by: 'post' } }, ['address']],
    ['what is wrong far inside', { text: 'abc', tree: { children: [{}] } }, ['tree.children.0.children']],
  ])('refuses %s, and says where', async (_case, input, places) => {
    expect(await issuesOf(all, input)).toEqual(places);
  });

  it('of a task without one takes an empty object only', async () => {
    expect(await issuesOf(undefined, {})).toEqual([]);
    expect(await issuesOf(undefined, { a: 1 })).toEqual(['']);
  });

  it('is that of the task http too', async () => {
    expect(await issuesOf(httpInput, { url: 'https://example.org/{{run.id}}', headers: { Accept: '*/*' } })).toEqual(
      [],
    );
    expect(await issuesOf(httpInput, { method: 'GO' })).toEqual(['method', 'url']);
  });

  it.each<[string, Record<string, unknown>]>([
    ['says nothing', {}],
    ['has words that zod does not know', { dependentRequired: { a: ['b'] } }],
    ['has a pattern that is none', { type: 'object', properties: { a: { type: 'string', pattern: '(' } } }],
    ['refers to another place', { $ref: 'https://example.org/schema' }],
  ])('that %s admits anything', async (_case, schema) => {
    expect(await publishedSchema(schema)['~standard'].validate({ a: 'x' })).toEqual({ value: { a: 'x' } });
  });

  it('leaves the names of the process itself alone', () => {
    const ours = z.string().meta({ id: 'OursAlone' });
    publishedSchema({ id: 'OursAlone', type: 'object' });
    const { schemas } = z.toJSONSchema(z.globalRegistry, { unrepresentable: 'any' });
    expect(z.globalRegistry.get(ours)).toEqual({ id: 'OursAlone' });
    expect(schemas['OursAlone']).toMatchObject({ type: 'string' });
  });
});
