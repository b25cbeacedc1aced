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
    ['its start inside another word', `${SECRET.slice(0, 9)}x`, '***x'],
    ['a part out of its middle', `x${SECRET.slice(2, 10)}x`, 'x***x'],
    ['in hex', Buffer.from(SECRET).toString('hex'), '***'],
    ['as a form', new URLSearchParams({ a: SECRET }).toString(), 'a=***'],
    ['escaped as in HTML', 'p&quot;ss w&ouml;rd/+1', '***'],
    ['escaped as PHP does', 'p\\"ss w\u00f6rd\\/+1', '***'],
    ['escaped twice', JSON.stringify(encodeURIComponent(JSON.stringify(SECRET))), '"%22***%22"'],
    ['a text without it is unchanged', 'password', 'password'],
  ])('masks a secret: %s', (_case, text, expected) => {
    expect(maskOf([SECRET])(text)).toBe(expected);
  });

  it('masks the longer secret first when one contains the other', () => {
    expect(maskOf(['abcd', 'abcdefgh'])('abcd abcdefgh')).toBe('*** ***');
  });

  it('masks the token of an Authorization header without its scheme', () => {
    expect(maskOf(['Bearer abcdefgh'])('Bearer abcdefgh, bad token abcdefgh')).toBe('***, bad token***');
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

  it.each(['hex', 'base64', 'base64url'] as const)(
    'masks a secret whose lines end in another way in %s',
    (encoding) => {
      const [lf, crlf] = ['one$%:=\n$two', 'one$%:=\r\n$two'];
      for (const secret of [lf, crlf])
        for (const text of [lf, crlf]) expect(maskOf([secret])(Buffer.from(text).toString(encoding))).toBe('***');
    },
  );

  it('masks a part in hex that only the other end of a line has', () => {
    expect(maskOf(['one$%:=\n$two'])(Buffer.from('%:=\r').toString('hex'))).toBe('***');
  });

  it.each(['\n', '\r\n'])('masks every line of a secret of several lines, whatever ends the lines: %j', (eol) => {
    const lines = ['-----BEGIN KEY-----', 'MIIEvQIBADANBg', 'kqhkiG9w0BAQEF', '-----END KEY-----'];
    const mask = maskOf([lines.join(eol)]);
    for (const text of [lines.join('\n'), lines.join('\r\n'), JSON.stringify(lines.join('\n'))])
      expect(mask(`<${text}>`)).toMatch(/^<"?\*\*\*"?>$/);
    for (const line of lines) expect(mask(`  ${line}`)).toBe('  ***');
  });

  it.each([
    ['the password of Basic credentials', `Basic ${btoa('user:pw12')}`, 'pw12 user:pw12', '*** ***'],
    ['the password of a URL', 'postgres://user:p%2F12@db/x', 'p/12 p%2F12 user:p/12', '*** *** ***'],
    ['the Basic credentials of a URL', 'https://user:p%2F12@db/x', btoa('user:p/12'), '***'],
    ['a string of a JSON text', '{"key":"abc\\ndefgh"}', `${btoa('abc\ndefgh')} abc\ndefgh`, '*** ***'],
  ])('masks %s', (_case, secret, text, expected) => {
    expect(maskOf([secret])(text)).toBe(expected);
  });

  it.each([0, 1, 2])('masks a secret in the base64 of a text that has it after %i bytes', (before) => {
    const text = Buffer.from(`${'x'.repeat(before)}${SECRET}xxxx`).toString('base64');
    expect(maskOf([SECRET])(text)).toMatch(/^\w{0,3}\*\*\*\w{0,7}=*$/);
  });

  it('replaces a character of two units as a whole', () => {
    expect(maskOf(['abcdefg😀'])('abcdefg😁 x')).toBe('*** x');
    expect(maskOf(['\u{1F601}abcdefg'])('x \u{1F201}abcdefg')).toBe('x ***');
  });

  it('takes a time that grows with the length of the text only', () => {
    const secret = 'a'.repeat(3_000);
    const mask = maskOf([secret, `${secret}b`, '%25'.repeat(1_000), '\\'.repeat(3_000)]);
    for (const text of ['a', 'aaaaaaab', '%2', '%25', '\\', '&', '&amp;', '\\u'])
      expect(mask(text.repeat(100_000)).length).toBeLessThanOrEqual(800_000);
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

  it('masks the bytes of an output, and numbers that contain most of a secret', () => {
    const bytes = Buffer.from('a hunter22');
    const output = { buffer: bytes, array: new Uint8Array(bytes), other: Buffer.from('a'), digits: 912345678 };
    expect(JSON.parse(outputAsJson(output, maskOf(['hunter22', '12345678']))!)).toEqual({
      buffer: '***',
      array: '***',
      other: { type: 'Buffer', data: [97] },
      digits: '***',
    });
  });
});
