import { outputAsJson } from './json.js';
import { unmasked, maskOf } from './mask.js';

const SECRET = 'p"ss wörd/+1';

describe('a mask', () => {
  it.each([
    ['the whole text', SECRET, '***'],
    ['part of the text', `a ${SECRET}, b ${SECRET}`, 'a ***, b ***'],
    ['escaped as in JSON', JSON.stringify({ a: SECRET }), '{"a":"***"}'],
    ['escaped as in a URL', `/x?y=${encodeURIComponent(SECRET)}&z`, '/x?y=***&z'],
    ['in base64', `Basic ${Buffer.from(SECRET).toString('base64')}`, 'Basic ***'],
    ['in base64url', Buffer.from(SECRET).toString('base64url'), '***'],
    ['cut off at the end of the text', `body: ${SECRET.slice(0, 9)}`, 'body: ***'],
    ['cut off at the end of a line', `body: ${SECRET.slice(0, 8)}\n    at`, 'body: ***\n    at'],
    ['seven characters of it are not masked', `body: ${SECRET.slice(0, 7)}`, `body: ${SECRET.slice(0, 7)}`],
    ['its start inside another word is not masked', `${SECRET.slice(0, 9)}x`, `${SECRET.slice(0, 9)}x`],
    ['a text without it is unchanged', 'password', 'password'],
  ])('masks a secret: %s', (_case, text, expected) => {
    expect(maskOf([SECRET])(text)).toBe(expected);
  });

  it('masks the longer secret first when one contains the other', () => {
    expect(maskOf(['abcd', 'abcdefgh'])('abcd abcdefgh')).toBe('*** ***');
  });

  it('masks the token of an Authorization header without its scheme', () => {
    expect(maskOf(['Bearer abcdefgh'])('Bearer abcdefgh, bad token abcdefgh')).toBe('***, bad token ***');
  });

  it.each([
    'https://hooks.example.org/services/T000/B000?token=abcdefgh',
    'GET /services/T000/B000?token=abcdefgh',
    'POST https://hooks.example.org/services/T000/B000 failed',
    'path /services/T000/B000',
    '{"token":"abcdefgh"}',
  ])('masks the parts of a secret URL that a server repeats: %s', (text) => {
    const masked = maskOf(['https://hooks.example.org/services/T000/B000?token=abcdefgh'])(text);
    expect(masked).not.toMatch(/T000|abcd/);
  });

  it('does not mask values of fewer than four characters', () => {
    expect(maskOf(['', 'sa', 'abc'])).toBe(unmasked);
    expect(maskOf(['abcd'])('abcd')).toBe('***');
  });

  it('masks the values, keys and numbers of an output', () => {
    const output = { hunter22: ['a hunter22'], pin: 483920, pins: 4839201, at: new Date(0), none: undefined };
    expect(JSON.parse(outputAsJson(output, maskOf(['hunter22', '483920']))!)).toEqual({
      '***': ['a ***'],
      pin: '***',
      pins: 4839201,
      at: '1970-01-01T00:00:00.000Z',
    });
  });
});
