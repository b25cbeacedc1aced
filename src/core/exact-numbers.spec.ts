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
  '123456789012.123456789',
  '9007199254740990.7',
  '1e-307',
  '5e-324',
  '0.0',
  '-0.0e-400',
  `0.${'0'.repeat(400)}`,
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
  // These would be 0, or lose most of their digits.
  '1e-400',
  '-1e-400',
  `0.${'0'.repeat(400)}1`,
  '3e-324',
  '1.23456789e-320',
];

describe('isExact', () => {
  it.each(EXACT)('accepts %s', (source) => expect(isExact(source)).toBe(true));
  it.each(INEXACT)('refuses %s', (source) => expect(isExact(source)).toBe(false));

  it.each<[string, (length: number) => string]>([
    ['zeros before the last digit', (length) => `9007199254740993.${'0'.repeat(length)}1`],
    ['zeros at the end', (length) => `9007199254740993${'0'.repeat(length)}`],
    ['zeros at the start of a fraction', (length) => `0.${'0'.repeat(length)}1e${length}`],
    ['digits', (length) => '9'.repeat(length)],
    ['zeros in an exponent', (length) => `1e${'0'.repeat(length)}400`],
  ])('takes as long for one number of 40,000 %s as for forty of 1,000', (_what, numberOf) => {
    const [long, short] = [numberOf(40_000), numberOf(1_000)];
    const once = cpuTime(() => isExact(long));
    const forty = cpuTime(() => Array.from({ length: 40 }, () => isExact(short)));
    // If the cost grew with the square of the length, it would be forty times as much.
    expect(once).toBeLessThan(forty * 10);
  });
});

/** Microseconds of CPU time, the least of five, so that other load on the machine does not count. */
function cpuTime(act: () => unknown): number {
  const times = [1, 2, 3, 4, 5].map(() => {
    const start = process.cpuUsage();
    act();
    const { user, system } = process.cpuUsage(start);
    return user + system;
  });
  return Math.min(...times);
}

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
