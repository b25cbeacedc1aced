import { z } from 'zod';
import { httpInput } from './http-input.js';
import { inputSchemaOf } from './input-schema.js';

describe('inputSchemaOf', () => {
  it('shows what a task takes as JSON Schema, its fields in the order in which they are written', () => {
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

  it('shows a task without a schema as one that takes an empty object', () => {
    expect(inputSchemaOf(undefined)).toEqual({ type: 'object', properties: {}, additionalProperties: false });
  });

  it('admits anything where JSON Schema has no word for it', () => {
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
