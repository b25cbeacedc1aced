import { fieldsAsJson, outputAsJson, storableText } from './json.js';

const cyclic: unknown[] = [];
cyclic.push(cyclic);

describe('the output of a task as JSON', () => {
  it.each<[string, unknown, string | null]>([
    ['no value', undefined, null],
    ['null', null, 'null'],
    ['an object', { a: [1, 'b', true] }, '{"a":[1,"b",true]}'],
    ['a Date', new Date(0), '"1970-01-01T00:00:00.000Z"'],
    ['numbers that JSON does not have, as text', [NaN, Infinity, -Infinity], '["NaN","Infinity","-Infinity"]'],
    ['big integers, as text', { a: 9007199254740993n }, '{"a":"9007199254740993"}'],
    ['minus zero', -0, '0'],
    ['a surrogate pair', '😀', '"😀"'],
    ['text that looks like an escape', String.raw`\u0000 \\ud800`, String.raw`"\\u0000 \\\\ud800"`],
    ['control characters that can be stored', '\u0001\n', String.raw`"\u0001\n"`],
    ['exactly 64 KiB', 'x'.repeat(65_534), `"${'x'.repeat(65_534)}"`],
  ])('accepts %s', (_case, output, expected) => {
    expect(outputAsJson(output)).toBe(expected);
  });

  it.each<[string, unknown, string]>([
    ['one byte over 64 KiB', 'x'.repeat(65_535), 'it is 65537 bytes of JSON, and the limit is 65536'],
    ['over 64 KiB in bytes but not in characters', 'ü'.repeat(40_000), 'it is 80002 bytes'],
    ['NUL in a string', { a: ['b\0c'] }, 'NUL'],
    ['NUL in a key', { 'a\0': 1 }, 'NUL'],
    ['NUL after a backslash', '\\\0', 'NUL'],
    ['a high surrogate alone', '\ud83d', 'an unpaired surrogate'],
    ['a low surrogate alone', 'a\ude00', 'an unpaired surrogate'],
    ['a function', () => 1, 'a function is not JSON'],
    ['a symbol', Symbol('a'), 'a symbol is not JSON'],
    ['a circular reference', cyclic, 'circular'],
  ])('rejects %s', (_case, output, message) => {
    expect(() => outputAsJson(output)).toThrow(
      expect.objectContaining({ code: 'OUTPUT_NOT_STORABLE', message: expect.stringContaining(message) }),
    );
  });
});

const mask = (text: string) => text.replaceAll('secret', '***');

describe('the fields of a log line as JSON', () => {
  it('have numbers that JSON does not have as text, also in a masked line', () => {
    const fields = { id: 9007199254740993n, ratio: NaN };
    const expected = '{"id":"9007199254740993","ratio":"NaN"}';
    expect(fieldsAsJson(fields)).toBe(expected);
    expect(fieldsAsJson(fields, mask)).toBe(expected);
  });

  it.each<[string, unknown]>([
    ['a Buffer', Buffer.from('a secret')],
    ['a Uint8Array', new TextEncoder().encode('a secret')],
    ['a part of a larger array', new TextEncoder().encode('x a secret x').subarray(2, 10)],
    ['a DataView', new DataView(new TextEncoder().encode('a secret').buffer)],
    ['an array of 16 bits', new Uint16Array(new TextEncoder().encode('a secret').buffer)],
  ])('have no secret in the bytes of %s', (_what, bytes) => {
    expect(fieldsAsJson({ deep: [{ bytes }] }, mask)).toBe('{"deep":[{"bytes":"***"}]}');
    expect(outputAsJson({ deep: [{ bytes }] }, mask)).toBe('{"deep":[{"bytes":"***"}]}');
  });

  it('keep bytes without a secret', () => {
    expect(fieldsAsJson({ bytes: Uint8Array.of(1, 2) }, mask)).toBe('{"bytes":{"0":1,"1":2}}');
    expect(fieldsAsJson({ bytes: Uint8Array.of(1, 2) })).toBe('{"bytes":{"0":1,"1":2}}');
  });
});

describe('storableText', () => {
  it.each([
    ['a\0b', 'a\ufffdb'],
    ['\ud83d', '\ufffd'],
    ['😀 ü\n', '😀 ü\n'],
  ])('of %j is %j', (text, expected) => {
    expect(storableText(text)).toBe(expected);
  });
});
