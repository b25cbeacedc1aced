import { isExact, parseForeignJson, parseWrittenJson } from './exact-numbers.js';
import { unstorable } from './storable-json.js';

const EXACT = [
  '0',
  '-0',
  '1',
  '-1.0',
  '1e3',
  '1E-3',
  '9007199254740991',
  '-9007199254740991',

  '9007199254740992',
  '9007199254740994',
  '9007199254740992.0',
  '900719925474099200e-2',
  '1e21',
  '1e23',
  '-1e300',
  '1e308',
  // Decimal fractions are rounded, as everywhere in JSON.
  '0.1',
  '0.1234567890123456789',
  '1e-400',
  '123456789012.123456789',
];
const INEXACT = [
  '9007199254740993',
  '-9007199254740993',
  '9007199254740993.0',
  '900719925474099.3e1',
  '12345678901234567890',
  '9007199254740993.5',
  '12345678901234567.89',
  '1e400',
  '-1e400',
  '1.00000000000000001e17',
  '9'.repeat(400),
];

describe('isExact', () => {
  it.each(EXACT)('accepts %s', (source) => expect(isExact(source)).toBe(true));
  it.each(INEXACT)('refuses %s', (source) => expect(isExact(source)).toBe(false));
});

describe('parseWrittenJson', () => {
  it.each(EXACT)('returns what JSON.parse returns for %s', (source) =>
    expect(parseWrittenJson(`{"a":[${source}]}`)).toEqual(JSON.parse(`{"a":[${source}]}`)),
  );

  it.each(INEXACT)('makes %s a value that cannot be stored, and the fault has its path', (source) => {
    const fault = unstorable(parseWrittenJson(`{"ok": "${source}", "a/b": [1, { "id": ${source} }]}`));
    expect(fault).toEqual({ path: '/a~1b/1/id', message: expect.stringContaining('write it as a string') });
  });

  it('leaves the digits in strings and in keys alone', () => {
    const text = String.raw`{"9007199254740993":"\\\"9007199254740993\\","\"1e999":["1e999",""]}`;
    expect(parseWrittenJson(text)).toEqual(JSON.parse(text));
  });

  it.each([
    '{9007199254740993:1}',
    '[09007199254740993]',
    '[9007199254740993.]',
    '[9007199254740993e]',
    '[+9007199254740993]',
    '',
  ])('refuses %s, which is not JSON', (text) => {
    expect(() => parseWrittenJson(text)).toThrow(SyntaxError);
    expect(() => parseForeignJson(text)).toThrow(SyntaxError);
  });

  it('reads a nesting that would exhaust the stack of a reviver, and long strings of escapes', () => {
    const depth = 200_000;
    expect(parseWrittenJson(`${'['.repeat(depth)}9007199254740993${']'.repeat(depth)}`)).toHaveLength(1);
    expect(parseWrittenJson(`["${String.raw`\"`.repeat(500_000)}",1e23]`)).toHaveLength(2);
  });
});

describe('parseForeignJson', () => {
  it.each(INEXACT)('keeps %s as text', (source) =>
    expect(parseForeignJson(`{"id":${source},"n":1}`)).toEqual({ id: source, n: 1 }),
  );

  it.each(EXACT)('keeps %s as a number', (source) => expect(parseForeignJson(source)).toBe(JSON.parse(source)));
});
