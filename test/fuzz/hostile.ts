import * as fc from 'fast-check';

const long = (length: number, text = 'x') => text.repeat(length);
const nested = (depth: number) => JSON.parse(long(depth, '[') + long(depth, ']')) as unknown;

/** Texts that PostgreSQL refuses. */
const unstorableTexts = ['\0', 'a\0b', '\ud800', '\udfff\ud800'];

/** Texts that have crashed programs. */
export const hostileTexts = [
  ...unstorableTexts,
  '',
  ' ',
  '\u202egnp.exe',
  '\u2066\u200f\ufeff',
  'Z̸̧̛a̶̡l̵̢g̷̨o̸',
  '👩‍👩‍👧‍👦'.repeat(50),
  '__proto__',
  'constructor',
  'toString',
  'null',
  'undefined',
  '[object Object]',
  "'; DROP TABLE cronzimus.jobs; --",
  '" OR ""="',
  '%00%ff%zz',
  '../../../../etc/passwd',
  '${jndi:ldap://127.0.0.1/a}',
  '{{run.id}}{{{{run.nope}}',
  '$secret',
  '\\u0000\\ud800',
  '\r\nSet-Cookie: a=b',
  '1e999',
  'infinity',
  'NaN',
  '-0',
  '0x10',
  '２０２６',
  '2026-13-45T99:99:99Z',
  '0000-01-01T00:00:00Z',
  '9999-12-31T23:59:59.999999999Z',
  '+275760-09-13T00:00:00.001Z',
  '2026-02-30T00:00:00+14:00',
  '* * * * * * * *',
  '*/0 * * * *',
  '0 0 31 2 *',
  '0-59/1,'.repeat(100),
  long(256),
  long(257),
  long(4_097),
];

/** About a megabyte: below and above the limit of a body, and of characters with four bytes. */
const hugeTexts = [long(900_000), long(1_048_576), long(200_000, '💥')];

const withOddKeys = '{"__proto__":{"a":1},"constructor":{"prototype":{"b":2}},"\\u0000":3,"\\ud800":4,"":5}';

/** Values that no schema expects. */
export const hostileValue = fc.oneof(
  { weight: 30, arbitrary: fc.constantFrom(...unstorableTexts, JSON.parse('{"a":["\\u0000"]}'), { '\ud800': 1 }) },
  { weight: 60, arbitrary: fc.constantFrom(...hostileTexts) },
  {
    weight: 40,
    arbitrary: fc.constantFrom<unknown>(
      null,
      true,
      0,
      -0,
      -1,
      1.5,
      2 ** 31,
      2 ** 53 + 1,
      -(2 ** 63),
      1e308,
      Number.MIN_VALUE,
      [],
      [[]],
      {},
      [null],
      nested(50),
      nested(99),
      nested(101),
      nested(2_000),
      JSON.parse(withOddKeys),
      { $secret: 'nope' },
      { $secret: '../nope', a: 1 },
      { $ref: '#', type: 'cron', toJSON: null },
      Array.from({ length: 500 }, (_, index) => index),
    ),
  },
  { weight: 20, arbitrary: fc.jsonValue({ maxDepth: 4 }) },
  { weight: 20, arbitrary: fc.string({ unit: 'binary', maxLength: 200 }) },
  { weight: 1, arbitrary: fc.constantFrom(...hugeTexts) },
);

/** Invalid JSON, and JSON that nobody would write. */
export const hostileBodies = fc.constantFrom(
  '{',
  '{"name":',
  '[1,]',
  '{"a":1,"a":2}',
  'NaN',
  '1e999',
  '{"input":{"a":1e999},"task":"sql"}',
  '"\ud800"',
  '\ufeff{}',
  'null',
  '0',
  '""',
  '\0',
  "{'a':1}",
  withOddKeys,
  `{"input":${withOddKeys}}`,
  long(20_000, '[') + long(20_000, ']'),
  long(100_000, '{"a":'),
  `{"input":{"a":${long(150, '[')}${long(150, ']')}}}`,
  `{"x":"${long(1_048_576)}"}`,
  '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
);

/** Notorious YAML. */
export const hostileYaml = fc.constantFrom(
  '',
  'jobs:',
  'jobs: {}',
  'jobs: []',
  '---\n---\njobs: {}',
  'jobs: &a { b: *a }',
  'a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\njobs: { d: *c }',
  `jobs:\n${Array.from({ length: 12 }, (_, at) => `  a${at}: &a${at} [${long(9, at ? `*a${at - 1},` : 'x,')}]\n`).join('')}`,
  'jobs: !!js/function "function(){}"',
  'jobs: !include /etc/passwd',
  'jobs:\n\t- tab',
  'jobs: { <<: { __proto__: 1 }, __proto__: { task: sql } }',
  'jobs: { constructor: { task: sql, trigger: { type: date, at: 2030-01-01 } } }',
  '? [complex, key]\n: jobs',
  'jobs: "\\ud800\\0"',
  `${long(3_000, '[')}${long(3_000, ']')}`,
  `jobs: ${long(200_000, 'a: ')}`,
  '\0jobs: {}',
);

/** Values of headers: Latin-1 without control characters, which a client cannot send. */
export const hostileHeader = fc.constantFrom(
  '',
  '*',
  'W/"a"',
  '"',
  '"a-1", "b-2", *',
  ','.repeat(2_000),
  'a'.repeat(255),
  'a'.repeat(256),
  'a'.repeat(4_000),
  'sp ace',
  '\t',
  'é\xff',
  '%00',
  'undefined',
  'null',
  "'; --",
  'Bearer ',
  'Bearer nope',
  'bytes=0-1',
  '-1',
);

export const hostileTypes = fc.constantFrom(
  'application/json; charset=utf-16',
  'application/json; charset=x-nope',
  'application/json;charset="utf-8"; a=b',
  'APPLICATION/JSON',
  'application/json, text/yaml',
  'application/merge-patch+json',
  'application/yaml',
  'text/yaml; charset=latin1',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'text/plain',
  'application/problem+json',
  'nope',
  '/',
  ';',
);

export const hostileEncodings = fc.constantFrom('gzip', 'br', 'deflate', 'identity', 'x-nope', 'gzip, gzip');
