import { z } from 'zod';
import { issuesOutsideReferences, referencesIn, replaceReferences, type WithSecrets } from './secret-reference.js';

const a = { $secret: 'a' };

describe('references to secrets in an input', () => {
  it('are found at any depth', () => {
    expect(referencesIn({ x: a, y: [1, { z: { $secret: 'b.c-D_1' } }], n: null })).toEqual([
      { path: ['x'], name: 'a' },
      { path: ['y', 1, 'z'], name: 'b.c-D_1' },
    ]);
  });

  it.each<[string, object]>([
    ['another key', { ...a, other: 1 }],
    ['no name', { $secret: '' }],
    ['a name that is not a string', { $secret: 1 }],
    ['a path out of the folder', { $secret: '../a' }],
    ['a folder', { $secret: 'a/b' }],
    ['the folder itself', { $secret: '.' }],
    ['a hidden file', { $secret: '..data' }],
    ['a NUL', { $secret: 'a\0' }],
    ['a line break', { $secret: 'a\n' }],
    ['a name of 129 characters', { $secret: 'a'.repeat(129) }],
  ])('are not valid with %s', (_case, value) => {
    expect(referencesIn({ x: value })).toEqual([{ path: ['x'], name: null }]);
    expect(replaceReferences({ x: value }, () => 'secret')).toEqual({ x: value });
  });

  it('cannot replace the input itself', () => {
    expect(referencesIn(a)).toEqual([]);
  });

  it('are replaced, and nothing else is changed', () => {
    const input = { x: a, y: [a, 'a', { z: a, n: null, 1: true }] };
    expect(replaceReferences(input, (name) => `<${name}>`)).toEqual({
      x: '<a>',
      y: ['<a>', 'a', { z: '<a>', n: null, 1: true }],
    });
    expect(input.x).toBe(a);
  });

  it('have a type that fits in place of any value', () => {
    const given: WithSecrets<{ text: string; list?: number[]; map: Record<string, boolean>; any: unknown }> = {
      text: a,
      list: [1, a],
      map: { x: true, y: a },
      any: { deep: a },
    };
    // @ts-expect-error -- a value that is not a reference must have the right type
    const wrong: typeof given = { text: 1, map: {}, any: null };
    expect([given, wrong]).toHaveLength(2);
  });
});

describe('an issue of a schema', () => {
  const schema = z.strictObject({
    text: z.string().optional(),
    list: z.union([z.int(), z.array(z.int()).min(1)]).optional(),
    kind: z.discriminatedUnion('type', [z.object({ type: z.literal('x'), n: z.int() })]).optional(),
    nested: z.strictObject({ one: z.string(), two: z.string() }).optional(),
    map: z.record(z.string(), z.email()).optional(),
  });
  /** The places of the remaining issues. */
  const faults = (input: object) => {
    const { issues = [] } = schema['~standard'].validate(input) as { issues?: readonly z.core.$ZodIssue[] };
    return issuesOutsideReferences(issues, referencesIn(input)).map(({ path }) => path.join('/'));
  };

  it.each<[string, object]>([
    ['a text', { text: a }],
    ['a union', { list: a }],
    ['an item of a union', { list: [1, a] }],
    ['an object', { nested: a }],
    ['a field of an object', { nested: { one: a, two: '' } }],
    ['a discriminator', { kind: { type: a, n: 1 } }],
    ['a value of a record', { map: { x: a } }],
  ])('is ignored at a reference in place of %s', (_case, input) => {
    expect(faults(input)).toEqual([]);
  });

  it.each<[string, object, string[]]>([
    ['next to it', { text: 1, list: a }, ['text']],
    ['in the same object', { nested: { one: a, two: 2 } }, ['nested/two']],
    ['in the same list', { list: [a, 'x'] }, ['list']],
    ['in an unknown field', { strange: a }, ['']],
    ['in the same record', { map: { x: a, y: 'y' } }, ['map/y']],
    ['in a field whose name begins with its name', { nested: { one: a, two: '', onetwo: 1 } }, ['nested']],
  ])('is reported %s', (_case, input, expected) => {
    expect(faults(input)).toEqual(expected);
  });
});
