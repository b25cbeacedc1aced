import { parseEntries } from './parse-entries.js';
import { parseYaml } from './parse-yaml.js';

const paths = [[], ['jobs'], ['jobs', 'a'], ['jobs', 'c', 'x'], ['jobs', 'c', 'none'], ['jobs', 'none'], ['other']];
const inParts = (text: string) => parseEntries(text, { map: 'jobs', max: 100, paths, batchTokens: 1 });

it.each([
  ['', 'nothing'],
  ['jobs: {}', 'no entry'],
  ['jobs:', 'null'],
  ['jobs: [1, 2, 3, 4]', 'a list'],
  ['[{ jobs: { a: 1, b: 2, c: 3, d: 4 } }]', 'a map in a list'],
  ['x: { jobs: { a: 1, b: 2, c: 3, d: 4 } }', 'a map in a map'],
  ['jobs:\n  a: 1\n  b: 2\n  c: { x: 1 }\n  d: 4\n', 'a block'],
  ['jobs: { a: 1, b: 2 , c: { x: 1 } # why\n , d: 4, }', 'braces'],
  ['{"jobs":{"a":1,"b":[1,{"y":2}],"c":{"x":"1"},"d":4},"z":[]}', 'JSON'],
  [
    '"jobs":\n  "a": 1\n  b: |\n    text\n    more\n\n  c:\n    x: >-\n      1\n  d: "a\n    b"\n',
    'texts of several lines',
  ],
  [
    '# one\njobs:\n  # two\n  a: 1 # three\n  # four\n  b: 2\n\n  c:\n    x: 1\n    # five\n  # six\n  d: 4\n# seven\n',
    'comments',
  ],
  ['%YAML 1.2\n---\njobs:\n  a: 1\n  b: 2\n  c: 3\n  d: 4\n...\n', 'a directive'],
  [
    'jobs:\n  a: &one { t: [1, 2] }\n  b: *one\n  c: { x: *one }\n  d: [*one]\nlast: *one\n',
    'an alias of an earlier entry',
  ],
  ['jobs:\n  a: &n 1\n  b: *n\n  c: &n 2\n  d: *n\n  e: { x: *n }\n', 'an anchor that is used twice'],
  ['first: &f [1]\njobs:\n  a: *f\n  b: *f\n  c: 3\n  d: 4\n', 'an anchor before the map'],
  ['jobs: &all\n  a: *all\n  b: 2\n  c: 3\n  d: 4\n', 'a map in itself'],
  ['jobs:\n  a: *later\n  b: 2\n  c: &later 3\n  d: 4\n', 'an alias before its anchor'],
  ['jobs:\n  a: 1\n  b: 2\n  c: 3\n  a: 4\n  d: 5\n', 'an entry twice'],
  ['jobs:\n  a: 1\n  b: 2\n  c: 3\njobs:\n  d: 4\n  e: 5\n  f: 5\n', 'the map twice'],
  ['jobs:\n  a: 1\n  b: { x: 1, x: 2 }\n  c: 3\n  d: 4\n', 'a field twice'],
  ['jobs:\n  1: 1\n  1.10: 2\n  9007199254740993: 3\n  __proto__: 4\n  e: 9007199254740993\n', 'odd keys and numbers'],
  ['jobs:\n  [a]: 1\n  ? b\n  : 2\n  c: 3\n  ? { d: 4 }\n  : 4\n', 'keys that are no texts'],
  ['jobs:\n  a: 1\n  b: 2\n  c: 3\n  d: 4\n---\nx: 1\n', 'two documents'],
  ['jobs:\n  a: 1\n  b: */5 * * * *\n  c: 3\n  d: @daily\n', 'texts without quotes'],
  ['jobs:\n  a: !include x\n  b: 2\n  c: !include y\n  d: 4\n', 'unknown tags'],
  ['jobs:\n  a: 1\n   b: 2\n  c: 3\n d: 4\n  e: 5\n', 'wrong indents'],
  ['jobs: { a: 1, b: 2 c: 3, d: 4', 'an open brace'],
  ['jobs: { a: 1, b: { x: 1 } c: 3, d: 4 }', 'a missing comma'],
  ['jobs:\n\ta: 1\n\tb: 2\n', 'tabs'],
  ['jobs:\n  a: 1\n  b: 2\n  c\n  d: 4\n', 'a key without a colon'],
])('gives the values, the faults and the lines of the whole text: %j, %s', (text) => {
  const whole = parseYaml(text, paths);
  const parts = inParts(text);
  // Nobody asks for places in a text that cannot be read.
  const lines = whole.faults.length === 0 ? whole.lines : parts.lines;
  expect(parts).toEqual({ ...whole, lines });
});

it.each(['block', 'flow'])('counts the values of all entries together, with shared ones at each use: %s', (style) => {
  const list = `&l [${'1,'.repeat(500)}]`;
  const entry = (name: string, text: string) => (style === 'block' ? `  ${name}: ${text}\n` : ` ${name}: ${text},\n`);
  const entries = (uses: number) =>
    entry('a', list) + Array.from({ length: 3 }, (_, n) => entry(`n${n}`, `[${'*l,'.repeat(uses)}]`)).join('');
  const text = (uses: number) => (style === 'block' ? `jobs:\n${entries(uses)}` : `jobs: {\n${entries(uses)} }`);
  expect(inParts(text(600)).faults).toEqual([]);
  expect(inParts(text(700)).faults).toEqual([
    { line: 1, message: 'With its aliases filled in, the file has more than 1000000 values' },
  ]);
});
