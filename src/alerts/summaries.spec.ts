import { excerptOf } from './summaries.js';

const MAX_LENGTH = 300;

it.each([
  ['the first line', 'first\nsecond', 'first'],
  ['the first line that is not blank', '\n  \r\n first \r\nsecond', 'first'],
  ['a line up to a line separator', 'first\u2028second', 'first'],
  ['a line without control characters', 'a\tb\u001b[31mc\u0085', 'a b [31mc'],
  ['nothing of an empty text', '', ''],
])('quotes %s', (_case, message, excerpt) => {
  expect(excerptOf(message)).toBe(excerpt);
});

it.each([0, 1])('cuts a long line between characters, which PostgreSQL could not store as halves', (offset) => {
  const excerpt = excerptOf(`${'x'.repeat(offset)}${'😀'.repeat(MAX_LENGTH)}`);
  expect(excerpt.isWellFormed()).toBe(true);
  expect(excerpt.length).toBeLessThanOrEqual(MAX_LENGTH);
});
