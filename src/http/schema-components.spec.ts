import { z } from 'zod';
import { schemaComponents } from './schema-components.js';

const cron = z.strictObject({ type: z.literal('cron'), jitterSeconds: z.int().default(0) }).meta({ id: 'Cron' });
const date = z.strictObject({ type: z.literal('date'), at: z.iso.datetime({ offset: true }) }).meta({ id: 'Date' });
const trigger = z.discriminatedUnion('type', [cron, date]).meta({ id: 'Trigger' });
const job = z.object({ trigger, createdAt: z.date().optional() }).meta({ id: 'Job' });
const component = (name: string) => `#/components/schemas/${name}`;

describe('schemaComponents', () => {
  it('gives the input another name when defaults make it differ from the output, and everything that refers to it', () => {
    const convert = schemaComponents();
    const input = convert(job, { schemaType: 'input' });
    const output = convert(job, { schemaType: 'output' });
    expect(input?.schema).toEqual({ $ref: component('JobInput') });
    expect(Object.keys(input?.components ?? {}).toSorted()).toEqual(['CronInput', 'Date', 'JobInput', 'TriggerInput']);
    expect(output?.schema).toEqual({ $ref: component('Job') });
    expect(Object.keys(output?.components ?? {}).toSorted()).toEqual(['Cron', 'Date', 'Job', 'Trigger']);
    expect(input?.components?.CronInput).toMatchObject({ required: ['type'] });
    expect(output?.components?.Cron).toMatchObject({ required: ['type', 'jitterSeconds'] });
  });

  it('maps the discriminator of a union to its named options', () => {
    const { components } = schemaComponents()(trigger, { schemaType: 'input' }) ?? {};
    expect(components?.TriggerInput).toEqual({
      oneOf: [{ $ref: component('CronInput') }, { $ref: component('Date') }],
      discriminator: { propertyName: 'type', mapping: { cron: component('CronInput'), date: component('Date') } },
    });
  });

  it('leaves out patterns of dates, bounds of safe integers, and additionalProperties of outputs', () => {
    const { schema } = schemaComponents()(z.object({ at: z.iso.datetime(), n: z.int(), made: z.date() }), {
      schemaType: 'output',
    })!;
    expect(schema).toEqual({
      type: 'object',
      properties: {
        at: { type: 'string', format: 'date-time' },
        n: { type: 'integer' },
        made: { type: 'string', format: 'date-time' },
      },
      required: ['at', 'n', 'made'],
    });
  });

  it('names z.json(), which is recursive', () => {
    const convert = schemaComponents();
    const json = z.record(z.string(), z.json());
    const { schema, components } = convert(json, { schemaType: 'input' })!;
    expect(schema).toEqual({ type: 'object', additionalProperties: { $ref: component('JsonValue') } });
    expect(Object.keys(components ?? {})).toEqual(['JsonValue']);
    expect(() => convert(z.object({ json }), { schemaType: 'output' })).not.toThrow();
  });

  it('rejects two schemas with one name, a recursive one without a name, and types that JSON cannot express', () => {
    const convert = schemaComponents();
    convert(z.string().meta({ id: 'Name' }), { schemaType: 'input' });
    expect(() => convert(z.int().meta({ id: 'Name' }), { schemaType: 'input' })).toThrow('"Name"');
    const tree = z.object({
      get children() {
        return z.array(tree);
      },
    });
    expect(() => convert(tree, { schemaType: 'input' })).toThrow('needs a name');
    expect(() => convert(z.array(tree), { schemaType: 'input' })).toThrow('needs a name');
    expect(() => convert(z.bigint(), { schemaType: 'output' })).toThrow('BigInt');
  });

  it('leaves schemas of other libraries to Nest', () => {
    expect(schemaComponents()({ '~standard': { version: 1 } }, { schemaType: 'input' })).toBeUndefined();
  });
});
