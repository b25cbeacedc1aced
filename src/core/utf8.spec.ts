import { lineNotUtf8 } from './utf8.js';

describe('lineNotUtf8', () => {
  it.each<[string, Buffer, number | undefined]>([
    ['nothing', Buffer.from(''), undefined],
    ['ASCII', Buffer.from('a\nb\n'), undefined],
    ['UTF-8, with a U+FFFD of its own and a byte order mark', Buffer.from('\ufeffgrüße 😀\n\ufffd'), undefined],
    ['Latin-1 in the first line', Buffer.from('grüße\na', 'latin1'), 1],
    [
      'Latin-1 in the third line, which is the last',
      Buffer.concat([Buffer.from('a: ä\n\n'), Buffer.from('ß', 'latin1')]),
      3,
    ],
    ['UTF-16', Buffer.from('\ufeffjobs: {}\n', 'utf16le'), 1],
    ['a character that is cut off', Buffer.from('a\n😀').subarray(0, -1), 2],
    ['an encoded surrogate', Buffer.from([0x61, 0x0a, 0xed, 0xa0, 0x80, 0x0a]), 2],
  ])('of %s', (_case, bytes, line) => {
    expect(lineNotUtf8(bytes)).toBe(line);
  });
});
