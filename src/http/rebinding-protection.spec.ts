import type { Request, Response } from 'express';
import { isLocalHost, isLocalOrigin, rebindingProtection } from './rebinding-protection.js';

it.each(['localhost', 'LOCALHOST:3000', '127.0.0.1', '127.1.2.3:80', '[::1]', '[::1]:3000'])('%s is local', (host) => {
  expect(isLocalHost(host)).toBe(true);
  expect(isLocalOrigin(`http://${host}`)).toBe(true);
});

it.each([
  'evil.example',
  'localhost.evil.example',
  '127.0.0.1.evil.example',
  '192.168.0.1',
  '0.0.0.0',
  '[::2]:80',
  '::1',
])('%s is not local', (host) => {
  expect(isLocalHost(host)).toBe(false);
  expect(isLocalOrigin(`http://${host}`)).toBe(false);
});

it.each([undefined, '', 'localhost:', 'localhost:3000:1', 'a@localhost', 'localhost/'])(
  '%p is not a valid host',
  (host) => {
    expect(isLocalHost(host)).toBe(false);
  },
);

it.each(['null', '', 'file://localhost', 'localhost', 'http://localhost@evil.example'])(
  '%p is not a local origin',
  (origin) => {
    expect(isLocalOrigin(origin)).toBe(false);
  },
);

/** The code of the refusal, or null. */
function refusal(method: string, headers: Record<string, string>): string | null {
  const all: Record<string, string> = { host: 'localhost:3000', ...headers };
  const request = { method, headers: all, header: (name: string) => all[name.toLowerCase()] };
  let refused: string | null = null;
  rebindingProtection(request as unknown as Request, {} as Response, (error?: unknown) => {
    refused = error ? (error as { code: string }).code : null;
  });
  return refused;
}

describe.each(['POST', 'PUT', 'PATCH', 'DELETE'])('a %s without a key', (method) => {
  it.each<[string, Record<string, string>, string | null]>([
    ['a page of this service', { 'sec-fetch-site': 'same-origin', origin: 'http://localhost:3000' }, null],
    ['the user, from no page', { 'sec-fetch-site': 'none' }, null],
    ['a proxy of a development server', { 'sec-fetch-site': 'same-origin', origin: 'http://localhost:5173' }, null],
    ['a page of another port', { 'sec-fetch-site': 'same-site', origin: 'http://localhost:8080' }, 'FORBIDDEN_ORIGIN'],
    ['a page of another site', { 'sec-fetch-site': 'cross-site' }, 'FORBIDDEN_ORIGIN'],
    [
      'a page of another port that adds the header',
      { 'sec-fetch-site': 'same-site', 'x-cronzimus-request': '1' },
      'FORBIDDEN_ORIGIN',
    ],
    ['two values', { 'sec-fetch-site': 'same-origin, cross-site' }, 'FORBIDDEN_ORIGIN'],
    ['an empty value', { 'sec-fetch-site': '' }, 'FORBIDDEN_ORIGIN'],
    ['an old browser, from a page of another port', { origin: 'http://localhost:8080' }, 'REQUEST_HEADER_MISSING'],
    ['a form of an old browser', { 'content-type': 'text/plain' }, 'REQUEST_HEADER_MISSING'],
    ['a form with a file', { 'content-type': 'multipart/form-data; boundary=x' }, 'REQUEST_HEADER_MISSING'],
    ['a form of fields', { 'content-type': ' Application/X-WWW-Form-Urlencoded' }, 'REQUEST_HEADER_MISSING'],
    ['a form that names no type', { 'content-type': '' }, 'REQUEST_HEADER_MISSING'],
    ['a form that names JSON', { 'content-type': 'text/plain; application/json' }, 'REQUEST_HEADER_MISSING'],
    ['a program that adds nothing', {}, 'REQUEST_HEADER_MISSING'],
    ['a program that adds the header', { 'x-cronzimus-request': '1' }, null],
    ['a program that sends JSON', { 'content-type': 'application/json; charset=utf-8' }, null],
    ['a program that sends another type', { 'content-type': 'application/yaml' }, null],
  ])('from %s', (_from, headers, expected) => {
    expect(refusal(method, headers)).toBe(expected);
  });
});

it.each(['GET', 'HEAD', 'OPTIONS'])(
  'lets %s requests of other pages through, because they change nothing',
  (method) => {
    expect(refusal(method, { 'sec-fetch-site': 'same-site', origin: 'http://localhost:8080' })).toBeNull();
  },
);
