import { addressIn, clientNetwork, IpSet, isAddressOrNetwork, isLoopback, withoutBrackets } from './ip.js';

describe('isLoopback', () => {
  it.each(['127.0.0.1', '127.255.0.9', 'localhost', '::1', '[::1]', '0:0:0:0:0:0:0:1'])('is true for %s', (host) => {
    expect(isLoopback(host)).toBe(true);
  });

  it.each([
    '0.0.0.0',
    '::',
    '10.0.0.1',
    '128.0.0.1',
    'localhost.example.org',
    '127.0.0.1.example.org',
    '2130706433',
    '',
  ])('is false for %s', (host) => {
    expect(isLoopback(host)).toBe(false);
  });
});

describe('IpSet', () => {
  const set = new IpSet(['10.0.0.0/8', '192.0.2.7', 'fd00::/8', '2001:db8::1']);

  it.each([
    '10.255.0.1',
    '192.0.2.7',
    'fd12:3456::1',
    '2001:0db8:0::1',
    '::ffff:10.0.0.1',
    '::10.0.0.1',
    '::ffff:0:10.0.0.1',
    '64:ff9b::10.0.0.1',
    '2002:a00:1::1',
  ])('contains %s', (address) => {
    expect(set.has(address)).toBe(true);
  });

  it.each(['11.0.0.1', '192.0.2.8', 'fe00::1', '2001:db8::2', '::ffff:11.0.0.1', '2002:b00:1::1'])(
    'does not contain %s',
    (address) => {
      expect(set.has(address)).toBe(false);
    },
  );
});

describe('isAddressOrNetwork', () => {
  it.each(['10.0.0.1', '10.0.0.0/8', '0.0.0.0/0', '::1', 'fd00::/128'])('is true for %s', (text) => {
    expect(isAddressOrNetwork(text)).toBe(true);
  });

  it.each(['', '10.0.0', '10.0.0.0/33', '10.0.0.0/', 'fd00::/129', 'fe80::1%eth0', '[::1]', 'example.org'])(
    'is false for "%s"',
    (text) => {
      expect(isAddressOrNetwork(text)).toBe(false);
    },
  );
});

describe('clientNetwork', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:0::/56'],
    ['2001:db8:1:ff:3:4:5:6', '2001:db8:1:0::/56'],
    ['2001:db8:1:100::6', '2001:db8:1:100::/56'],
    ['2001:DB8:1:abcd::6', '2001:db8:1:ab00::/56'],
    ['2001:0db8:0001:0102:0:0:0:1', '2001:db8:1:100::/56'],
    ['2001:db8::1', '2001:db8:0:0::/56'],
    ['1:2::3:4:5:6.7.8.9', '1:2:0:0::/56'],
    ['::1', '0:0:0:0::/56'],
    ['fe80::1%eth0', 'fe80:0:0:0::/56'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/56'],
    ['', ''],
  ])('of %p is %p', (address, network) => {
    expect(clientNetwork(address)).toBe(network);
  });
});

it.each([
  ['203.0.113.7', '203.0.113.7'],
  [' 203.0.113.7\t', '203.0.113.7'],
  ['203.0.113.7:4711', '203.0.113.7'],
  ['"203.0.113.7"', '203.0.113.7'],
  ['"203.0.113.7:_port"', '203.0.113.7'],
  ['[203.0.113.7]:80', '203.0.113.7'],
  ['::ffff:203.0.113.7', '203.0.113.7'],
  ['::FFFF:203.0.113.7', '203.0.113.7'],
  ['::ffff:cb00:7107', '203.0.113.7'],
  ['0:0:0:0:0:ffff:cb00:7107', '203.0.113.7'],
  ['"[::ffff:203.0.113.7]:4711"', '203.0.113.7'],
  ['2001:DB8:0:0::1', '2001:db8::1'],
  ['[2001:db8::1]', '2001:db8::1'],
  ['[2001:db8::1]:4711', '2001:db8::1'],
  ['"[2001:db8::1%25eth0]:4711"', '2001:db8::1'],
  ['fe80::1%eth0', 'fe80::1'],
  ['::1', '::1'],
  ['', null],
  ['unknown', null],
  ['_hidden:80', null],
  ['203.0.113', null],
  ['203.0.113.700:80', null],
  ['203.0.113.7:80:81', null],
  ['[2001:db8::1', null],
  ['example.org:80', null],
])('the address in %p is %p', (value, address) => {
  expect(addressIn(value)).toBe(address);
});

it.each([
  ['[::1]', '::1'],
  ['::1', '::1'],
  ['localhost', 'localhost'],
])('%s without brackets is %s', (host, expected) => {
  expect(withoutBrackets(host)).toBe(expected);
});
