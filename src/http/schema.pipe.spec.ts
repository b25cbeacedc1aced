import type { ArgumentMetadata } from '@nestjs/common';
import { z } from 'zod';
import { SchemaPipe } from './schema.pipe.js';

const pipe = new SchemaPipe();
const job = z.strictObject({
  trigger: z.strictObject({ 'a/b~c': z.int() }).optional(),
  tags: z.array(z.string()).optional(),
  input: z.record(z.string(), z.json()).default({}),
  either: z.union([z.string(), z.object({ id: z.int() })]).optional(),
});
const body = { type: 'body', schema: job } as const;

const refusal = async (value: unknown, metadata: ArgumentMetadata) => {
  const thrown: unknown = await pipe.transform(value, metadata).catch((error: unknown) => error);
  expect(thrown).toHaveProperty('errors');
  return thrown;
};

describe('SchemaPipe', () => {
  it.each([
    ['an escaped key', { trigger: { 'a/b~c': 'x' } }, ['/trigger/a~1b~0c']],
    ['an array item', { tags: ['a', 1] }, ['/tags/1']],
    ['each unknown field', { one: 1, two: 2 }, ['/one', '/two']],
    ['inside the matching branch of a union', { either: { id: 'x' } }, ['/either/id']],
    ['a union when no branch matches the type', { either: 5 }, ['/either']],
    ['the whole body', [], ['']],
    ['an absent body', undefined, ['']],
    ['U+0000 in a string', { input: { a: ['\0'] } }, ['/input/a/0']],
    ['U+0000 in a key', { input: { '\0': 1 } }, ['/input/\0']],
    ['an unpaired surrogate', { input: { a: '\ud800' } }, ['/input/a']],
    ['a key that zod would drop', JSON.parse('{"input":{"__proto__":1}}'), ['/input/__proto__']],
  ])('points at %s', async (_case, value, paths) => {
    expect(await refusal(value, body)).toMatchObject({
      status: 422,
      code: 'INVALID_BODY',
      errors: paths.map((path) => ({ path })),
    });
  });

  it('names the types that a union accepts', async () => {
    expect(await refusal({ either: 5 }, body)).toMatchObject({
      errors: [{ message: 'Invalid input: expected string or object' }],
    });
  });

  it('throws a 400 with the name of the parameter for a query and a named parameter', async () => {
    const expected = { status: 400, code: 'INVALID_PARAMETER', errors: [{ path: '/limit' }] };
    expect(await refusal({ limit: 'x' }, { type: 'query', schema: z.object({ limit: z.int() }) })).toMatchObject(
      expected,
    );
    expect(await refusal('x', { type: 'param', data: 'limit', schema: z.int() })).toMatchObject(expected);
  });

  it('keeps keys named constructor and prototype, and does not change the value', async () => {
    const value = { input: { constructor: { a: 1 }, prototype: 2 } };
    const before = structuredClone(value);
    expect(await pipe.transform(value, body)).toEqual(before);
    expect(value).toEqual(before);
  });

  it('passes a value without a schema unchanged', async () => {
    const value = { '\0': 1 };
    expect(await pipe.transform(value, { type: 'body' })).toBe(value);
  });

  it('lets the schema fill in an absent body', async () => {
    expect(await pipe.transform(undefined, { type: 'body', schema: job.prefault({}) })).toEqual({ input: {} });
  });

  it('rejects 100,000 levels without a stack overflow', async () => {
    const deep: unknown = JSON.parse(`{"input":${'['.repeat(100_000)}${']'.repeat(100_000)}}`);
    expect(await refusal(deep, body)).toMatchObject({ errors: [{ message: 'Nest values at most 100 levels deep' }] });
  });

  it('reports at most 50 faults and counts the others', async () => {
    const thrown = await refusal({ tags: Array.from({ length: 1000 }, () => 1) }, body);
    expect(thrown).toMatchObject({ errors: { length: 51, 50: { path: '', message: 'and 950 more' } } });
  });
});
