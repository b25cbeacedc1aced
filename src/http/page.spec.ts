import { z } from 'zod';
import { decodeCursor, encodeCursor, limit, pageOf } from './page.js';

const key = z.tuple([z.iso.datetime(), z.string()]);
const base64 = (text: string) => Buffer.from(text).toString('base64url');

describe('cursor', () => {
  it('decodes to the values that it was encoded from', () => {
    const values = ['2026-01-01T00:00:00.000Z', 'Grüße/+'];
    expect(decodeCursor(encodeCursor(values), key)).toEqual(values);
  });

  it.each([
    ['empty', ''],
    ['not base64url', 'a+b/c='],
    ['not JSON', base64('[')],
    ['with other types', encodeCursor([1, 2])],
    ['with more values', encodeCursor(['2026-01-01T00:00:00.000Z', 'a', 'b'])],
    ['with U+0000, which PostgreSQL refuses', encodeCursor(['2026-01-01T00:00:00.000Z', '\0'])],
    ['nested too deeply', base64('['.repeat(1000) + ']'.repeat(1000))],
    ['too long', 'a'.repeat(100_000)],
    ['a JSON null', base64('null')],
  ])('is rejected when it is %s', (_case, text) => {
    expect(() => decodeCursor(text, key)).toThrow(expect.objectContaining({ status: 400, code: 'INVALID_CURSOR' }));
  });
});

const page = (rows: number[]) => pageOf(rows, 2, (row) => [row]);

describe('pageOf', () => {
  it.each([
    ['has a next page when there is one more row', [1, 2, 3], { items: [1, 2], nextCursor: encodeCursor([2]) }],
    ['can be full and the last', [1, 2], { items: [1, 2], nextCursor: null }],
    ['can be empty', [], { items: [], nextCursor: null }],
  ])('a page %s', (_case, rows, expected) => {
    expect(page(rows)).toEqual(expected);
  });
});

describe('limit', () => {
  it.each([
    [undefined, 50],
    ['1', 1],
    ['500', 500],
  ])('of %s is %s', (text, expected) => {
    expect(limit.parse(text)).toBe(expected);
  });

  it.each(['0', '501', '', ' 5', '1e2', '-1', '1.5', ['1', '2'], null])('rejects %p', (text) => {
    expect(limit.safeParse(text).success).toBe(false);
  });
});
