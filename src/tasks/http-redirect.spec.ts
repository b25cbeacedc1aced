import { redirected } from './http-redirect.js';

const request = (method: string, body?: string) => ({
  method,
  url: new URL('https://example.org/a/b?c'),
  headers: new Headers({
    Authorization: 'Bearer x',
    'X-Api-Key': 'y',
    Cookie: 'z',
    'Content-Type': 'text/plain',
    'Content-Length': '1',
    'Idempotency-Key': 'k',
    'Cronzimus-Run': 'r',
  }),
  body,
});
const answer = (statusCode: number, location?: string) => ({ statusCode, headers: { location } });

describe('a redirect', () => {
  it.each([
    [301, 'POST', 'GET'],
    [302, 'POST', 'GET'],
    [303, 'POST', 'GET'],
    [303, 'PUT', 'GET'],
  ])('with %i makes of a %s a %s without a body', (status, method, next) => {
    const followed = redirected(request(method, 'x'), answer(status, '../d'))!;
    expect(followed).toMatchObject({ method: next, url: new URL('https://example.org/d'), body: undefined });
    expect([...followed.headers.keys()].filter((name) => name.startsWith('content-'))).toEqual([]);
  });

  it.each([
    [301, 'PUT'],
    [302, 'DELETE'],
    [307, 'POST'],
    [308, 'POST'],
  ])('with %i leaves a %s and its body as they are', (status, method) => {
    const given = request(method, 'x');
    expect(redirected(given, answer(status, '?d'))).toEqual({ ...given, url: new URL('https://example.org/a/b?d') });
  });

  it('leaves a HEAD a HEAD', () => {
    expect(redirected(request('HEAD'), answer(303, '/d'))?.method).toBe('HEAD');
  });

  it.each([200, 204, 300, 304, 305, 404])('is not what %i says', (status) => {
    expect(redirected(request('GET'), answer(status, '/d'))).toBeUndefined();
  });

  it('without a location is an answer', () => {
    expect(redirected(request('GET'), answer(302))).toBeUndefined();
  });

  it.each(['https://example.org/d', '/d', '//example.org:443/d'])('to %s keeps all headers', (location) => {
    const names = [...redirected(request('GET'), answer(307, location))!.headers.keys()];
    expect(names).toEqual(expect.arrayContaining(['authorization', 'cookie', 'x-api-key', 'idempotency-key']));
  });

  it.each(['http://example.org/d', 'https://example.org:8443/d', 'https://www.example.org/d', '//evil.test/'])(
    'to %s takes along what is no key only',
    (location) => {
      const names = [...redirected(request('PUT', 'x'), answer(307, location))!.headers.keys()];
      expect(names).toEqual(['content-length', 'content-type', 'cronzimus-run', 'idempotency-key']);
    },
  );

  it.each(['ftp://example.org/', 'file:///etc/passwd', 'http://', 'https://user:pw@example.org/', 'javascript:1'])(
    'to %s is refused',
    (location) => {
      expect(() => redirected(request('GET'), answer(302, location))).toThrow(/redirected to what is no http or https/);
    },
  );

  it('is read as UTF-8', () => {
    const location = Buffer.from('/grüße').toString('latin1');
    expect(redirected(request('GET'), answer(302, location))!.url.pathname).toBe('/gr%C3%BC%C3%9Fe');
  });
});
