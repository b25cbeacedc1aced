import { redirectOf } from './http-client.js';

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
const response = (statusCode: number, location?: string) => ({ statusCode, headers: { location } });

describe('a redirect', () => {
  it.each([
    [301, 'POST', 'GET'],
    [302, 'POST', 'GET'],
    [303, 'POST', 'GET'],
    [303, 'PUT', 'GET'],
  ])('with %i turns a %s into a %s without a body', (status, method, next) => {
    const followed = redirectOf(request(method, 'x'), response(status, '../d'))!;
    expect(followed).toMatchObject({ method: next, url: new URL('https://example.org/d'), body: undefined });
    expect([...followed.headers.keys()].filter((name) => name.startsWith('content-'))).toEqual([]);
  });

  it.each([
    [301, 'PUT'],
    [302, 'DELETE'],
    [307, 'POST'],
    [308, 'POST'],
  ])('with %i keeps the method %s and the body', (status, method) => {
    const given = request(method, 'x');
    expect(redirectOf(given, response(status, '?d'))).toEqual({ ...given, url: new URL('https://example.org/a/b?d') });
  });

  it('keeps the method HEAD', () => {
    expect(redirectOf(request('HEAD'), response(303, '/d'))?.method).toBe('HEAD');
  });

  it.each([200, 204, 300, 304, 305, 404])('is not a response with status %i', (status) => {
    expect(redirectOf(request('GET'), response(status, '/d'))).toBeUndefined();
  });

  it('is not a response without a location', () => {
    expect(redirectOf(request('GET'), response(302))).toBeUndefined();
  });

  it.each(['https://example.org/d', '/d', '//example.org:443/d'])('to %s keeps all headers', (location) => {
    const names = [...redirectOf(request('GET'), response(307, location))!.headers.keys()];
    expect(names).toEqual(expect.arrayContaining(['authorization', 'cookie', 'x-api-key', 'idempotency-key']));
  });

  it.each(['http://example.org/d', 'https://example.org:8443/d', 'https://www.example.org/d', '//evil.test/'])(
    'to %s keeps only headers that are not credentials',
    (location) => {
      const names = [...redirectOf(request('PUT'), response(307, location))!.headers.keys()];
      expect(names).toEqual(['content-length', 'content-type', 'cronzimus-run', 'idempotency-key']);
    },
  );

  it.each([
    [307, 'POST', 'http://example.org/d'],
    [308, 'POST', 'https://example.org:8443/d'],
    [307, 'PATCH', 'https://www.example.org/d'],
    [302, 'PUT', '//evil.test/?key=x'],
    [301, 'DELETE', 'https://evil.test/'],
  ])('with %i never sends the body of a %s to %s', (status, method, location) => {
    const { origin } = new URL(location, 'https://example.org');
    expect(() => redirectOf(request(method, 'x'), response(status, location))).toThrow(
      `redirected with ${status} to another origin, ${origin}, and the body is not sent there`,
    );
  });

  it('with 303 leads to another origin, because the body stays behind', () => {
    expect(redirectOf(request('POST', 'x'), response(303, 'https://evil.test/'))).toMatchObject({ body: undefined });
  });

  it.each(['ftp://example.org/', 'file:///etc/passwd', 'http://', 'https://user:pw@example.org/', 'javascript:1'])(
    'to %s is refused',
    (location) => {
      expect(() => redirectOf(request('GET'), response(302, location))).toThrow(
        /redirected to something other than an http or https/,
      );
    },
  );

  it('has a location in UTF-8', () => {
    const location = Buffer.from('/grüße').toString('latin1');
    expect(redirectOf(request('GET'), response(302, location))!.url.pathname).toBe('/gr%C3%BC%C3%9Fe');
  });
});
