import { retryAfterSeconds } from './retry-after.js';

const now = Date.parse('2026-03-01T12:00:00Z');
const date = 'Sun, 01 Mar 2026 13:00:00 GMT';

describe('retryAfterSeconds', () => {
  it.each<[string, number, Record<string, string>, number | undefined]>([
    ['seconds', 429, { 'retry-after': '120' }, 120],
    ['seconds after 503', 503, { 'retry-after': ' 7 ' }, 7],
    ['zero', 503, { 'retry-after': '0' }, 0],
    ['more digits than a number has', 503, { 'retry-after': '9'.repeat(400) }, Infinity],
    ['a date', 503, { 'retry-after': 'Sun, 01 Mar 2026 12:00:30 GMT' }, 30],
    ['a date of RFC 850', 503, { 'retry-after': 'Sunday, 01-Mar-26 12:00:30 GMT' }, 30],
    ['a date of asctime, in UTC', 503, { 'retry-after': 'Sun Mar  1 12:00:30 2026' }, 30],
    ['a date by the clock of the server', 503, { 'retry-after': 'Sun, 01 Mar 2026 13:00:45 GMT', date }, 45],
    ['a date in the past', 503, { 'retry-after': 'Sun, 01 Mar 2026 11:00:00 GMT' }, 0],
    ['a date, with a Date that is none', 503, { 'retry-after': 'Sun, 01 Mar 2026 12:00:30 GMT', date: 'x' }, 30],
    ['nothing', 503, {}, undefined],
    ['another status', 500, { 'retry-after': '120' }, undefined],
    ...['', 'soon', '-1', '1.5', '1e3', '0x10', '10s', '2026-03-01T12:00:30Z', 'Sun, 41 Mar 2026 12:00:30 GMT'].map(
      (text): [string, number, Record<string, string>, undefined] => [
        `no valid value: "${text}"`,
        503,
        { 'retry-after': text },
        undefined,
      ],
    ),
  ])('reads %s', (_case, statusCode, headers, expected) => {
    expect(retryAfterSeconds({ statusCode, headers }, now)).toBe(expected);
  });
});
