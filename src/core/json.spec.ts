import { outputAsJson, storableText } from './json.js';

const cyclic: unknown[] = [];
cyclic.push(cyclic);

describe('the output of a task as JSON', () => {
  it.each<[string, unknown, string | null]>([
    ['nothing', undefined, null],
    ['null', null, 'null'],
    ['an object', { a: [1, 'b', true] }, '{"a":[1,"b",true]}'],
    ['a Date', new Date(0), '"1970-01-01T00:00:00.000Z"'],
    ['what is no number in JSON', [NaN, Infinity, -0], '[null,null,0]'],
    ['a pair of surrogates', '😀', '"😀"'],
    ['text that only looks like an escape', String.raw`\u0000 \\ud800`, String.raw`"\\u0000 \\\\ud800"`],
    ['control characters that can be stored', '\u0001\n', String.raw`"\u0001\n"`],
    ['exactly 64 KiB', 'x'.repeat(65_534), `"${'x'.repeat(65_534)}"`],
  ])('takes %s', (_case, output, expected) => {
    expect(outputAsJson(output)).toBe(expected);
  });

  it.each<[string, unknown, string]>([
    ['a byte more than 64 KiB', 'x'.repeat(65_535), 'it is 65537 bytes of JSON; at most 65536'],
    ['more bytes than characters', 'ü'.repeat(40_000), 'it is 80002 bytes'],
    ['NUL in a text', { a: ['b\0c'] }, 'NUL'],
    ['NUL in a key', { 'a\0': 1 }, 'NUL'],
    ['NUL behind a backslash', '\\\0', 'NUL'],
    ['half a surrogate pair', '\ud83d', 'half a surrogate pair'],
    ['the other half', 'a\ude00', 'half a surrogate pair'],
    ['a function', () => 1, 'a function is not JSON'],
    ['a symbol', Symbol('a'), 'a symbol is not JSON'],
    ['a big integer', { a: 1n }, 'BigInt'],
    ['a circle', cyclic, 'circular'],
  ])('refuses %s', (_case, output, message) => {
    expect(() => outputAsJson(output)).toThrow(
      expect.objectContaining({ code: 'OUTPUT_NOT_STORABLE', message: expect.stringContaining(message) }),
    );
  });
});

describe('a text that can be stored', () => {
  it.each([
    ['a\0b', 'a\ufffdb'],
    ['\ud83d', '\ufffd'],
    ['😀 ü\n', '😀 ü\n'],
  ])('%j', (text, expected) => {
    expect(storableText(text)).toBe(expected);
  });
});
