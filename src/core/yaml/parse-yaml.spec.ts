import { parseYaml } from './parse-yaml.js';

const faultsOf = (text: string) => parseYaml(text).faults;
const quote = (value: string) =>
  `Put the value in quotes, as "${value}": in YAML, a text without quotes must not begin with ${value[0]}`;

it.each([
  ['trigger: { expression: */5 9-17 * * 1,3, timeZone: UTC }', '*/5 9-17 * * 1,3'],
  ['trigger: { expression: */5 9-17 * * 1,3 }', '*/5 9-17 * * 1,3'],
  ['trigger: { expression: */5 9-17 * * 1,3}', '*/5 9-17 * * 1,3'],
  ['trigger: { expression: */5 * * * *, timeZone: UTC } # often', '*/5 * * * *'],
  ['jobs: [{ trigger: { expression: */5 1,2 * * * } }, { name: b }]', '*/5 1,2 * * *'],
  ['jobs: [{ trigger: { expression: @daily}}]', '@daily'],
  ['all: [*/5 1,2 * * *]', '*/5 1,2 * * *'],
  ['all: [*base, */5]', '*/5'],
  ['expression: */5 9-17 * * 1,3', '*/5 9-17 * * 1,3'],
])('quotes the whole value of the line: %s', (text, value) => {
  expect(faultsOf(`name: a\n${text}\n`)).toEqual([{ line: 2, message: quote(value) }]);
});

it.each([
  ['all: [*/5, */7]', '*/5'],
  ['all: { a: */5, b: */7 }', '*/5'],
  ['all: { a: */5 * * * 1,3, b: */7 * * * * }', '*/5 * * * 1,3'],
])('reports the first of several values of a line, once: %s', (text, value) => {
  expect(faultsOf(text)).toEqual([{ line: 1, message: quote(value) }]);
});

it.each([
  ['trigger: {\n  expression: */5 9-17 * * 1,3,\n  timeZone: UTC }', '*/5 9-17 * * 1,3'],
  ['trigger: {\n  expression: */5 9-17 * * 1,3 }', '*/5 9-17 * * 1,3'],
  ['trigger:\n  text: @home {a}, {b}', '@home {a}, {b}'],
])('quotes a value whose braces open in another line, and keeps braces that are in it: %j', (text, value) => {
  expect(faultsOf(text)).toContainEqual({ line: 2, message: quote(value) });
});

it.each(['a: "each: @daily"', "a: 'each: @daily'", 'a: b # each: @daily', 'a: [b, "x, @daily"]'])(
  'does not ask for quotes around a text in quotes or in a comment: %s',
  (line) => {
    expect(faultsOf(`a: 1\n${line}`)).toEqual([{ line: 2, message: expect.stringContaining('must be unique') }]);
  },
);
