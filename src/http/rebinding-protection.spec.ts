import { isLocalHost, isLocalOrigin } from './rebinding-protection.js';

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
