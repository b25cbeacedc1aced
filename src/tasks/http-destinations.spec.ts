import { hosts } from '../config/variable-types.js';
import { Destinations } from './http-destinations.js';

/** 'open' when the connection is allowed, otherwise the code of the refusal. */
function verdict(address: string, { HOST = '127.0.0.1', allowed = '', host = address } = {}): string {
  const HTTP_TASK_ALLOWED_HOSTS = allowed ? hosts.parse(allowed) : undefined;
  try {
    new Destinations({ HOST, HTTP_TASK_ALLOWED_HOSTS }).check(host, address);
    return 'open';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe('the http task', () => {
  it.each([
    ['link-local', '169.254.169.254'],
    ['the first link-local address', '169.254.0.0'],
    ['credentials of a container', '169.254.170.2'],
    ['link-local of IPv6', 'fe80::1'],
    ['link-local with its zone', 'fe80::1%eth0'],
    ['link-local, mapped', '::ffff:a9fe:a9fe'],
    ['link-local, mapped and in digits', '::ffff:169.254.169.254'],
    ['link-local, mapped and written out', '0:0:0:0:0:ffff:169.254.169.254'],
    ['link-local, compatible', '::a9fe:a9fe'],
    ['link-local, translated', '::ffff:0:a9fe:a9fe'],
    ['link-local behind NAT64', '64:ff9b::a9fe:a9fe'],
    ['link-local behind NAT64 of the site', '64:ff9b:1::169.254.169.254'],
    ['NAT64 of the site, with the address after /48', '64:ff9b:1:a9fe:a9:fe00::'],
    ['NAT64 of the site, with the address after /56', '64:ff9b:1:a9:fe:a9fe::'],
    ['NAT64 of the site, with the address after /64', '64:ff9b:1:0:a9:fea9:fe00:0'],
    ['NAT64 of the site, whatever the address', '64:ff9b:1:ffff::1'],
    ['link-local behind ISATAP', 'fe80::5efe:169.254.169.254'],
    ['link-local behind ISATAP of a site', '2001:db8:1:2:0:5efe:169.254.169.254'],
    ['link-local behind unique ISATAP', '2001:db8::200:5efe:a9fe:a9fe'],
    ['link-local behind ISATAP of a private network', 'fd00::5efe:a9fe:a9fe'],
    ['link-local behind ISATAP without a network', '::5efe:a9fe:a9fe'],
    ['ISATAP, whatever the address', '2001:DB8::0:5EFE:10.0.0.1'],
    ['link-local behind 6to4', '2002:a9fe:a9fe::1'],
    ['Teredo', '2001:0:4136:e378:8000:63bf:3fff:fdd2'],
    ['metadata of AWS', 'fd00:ec2::254'],
    ['credentials of AWS', 'fd00:ec2::23'],
    ['metadata of Google', 'fd20:ce::254'],
    ['metadata of Alibaba', '100.100.100.200'],
    ['metadata of Azure', '168.63.129.16'],
    ['metadata of Azure, mapped', '::ffff:168.63.129.16'],
    ['metadata of Oracle', '192.0.0.192'],
    ['the unspecified address', '0.0.0.0'],
    ['another address of 0.0.0.0/8', '0.1.2.3'],
    ['the unspecified address of IPv6', '::'],
    ['the unspecified address, mapped', '::ffff:0.0.0.0'],
    ['multicast', '224.0.0.1'],
    ['multicast of IPv6', 'ff02::1'],
    ['broadcast', '255.255.255.255'],
  ])('never connects to %s, %s', (_case, address) => {
    expect(verdict(address)).toBe('ADDRESS_REFUSED');
    expect(verdict(address, { allowed: '0.0.0.0/0, ::/0, example.org', host: 'example.org' })).toBe('ADDRESS_REFUSED');
  });

  it.each(['127.0.0.1', '127.9.8.7', '::1', '::ffff:127.0.0.1', '64:ff9b::7f00:1', '2002:7f00:1::'])(
    'connects to loopback only when HOST is loopback: %s',
    (address) => {
      expect(verdict(address, { HOST: 'localhost' })).toBe('open');
      expect(verdict(address, { HOST: '0.0.0.0' })).toBe('ADDRESS_REFUSED');
      expect(verdict(address, { HOST: '10.0.0.1', allowed: '127.0.0.1,::1,localhost', host: 'localhost' })).toBe(
        'ADDRESS_REFUSED',
      );
    },
  );

  it.each([
    '10.0.0.1',
    '169.253.255.255',
    '169.255.0.1',
    '1.0.0.1',
    '93.184.215.14',
    'fd00::1',
    '2606:4700::1111',
    'fd00::5efe:1',
    '2001:db8::400:5efe:a00:1',
    '2001:db8:5efe::1',
    '64:ff9b:2::1',
  ])('connects to any other address unless there is a list: %s', (address) => {
    expect(verdict(address, { HOST: '0.0.0.0' })).toBe('open');
    expect(verdict(address, { allowed: 'example.org' })).toBe('ADDRESS_REFUSED');
  });

  it.each([
    ['Example.org', 'example.org', 'open'],
    ['example.org', 'EXAMPLE.org.', 'open'],
    ['example.org', 'www.example.org', 'ADDRESS_REFUSED'],
    ['example.org', 'example.org.evil.test', 'ADDRESS_REFUSED'],
    ['*.example.org', 'a.b.example.org', 'open'],
    ['*.example.org', 'example.org', 'ADDRESS_REFUSED'],
    ['*.example.org', 'evilexample.org', 'ADDRESS_REFUSED'],
    ['a.test, 10.1.0.0/16', 'b.test', 'open'],
    ['10.1.2.3', 'b.test', 'open'],
    ['10.2.0.0/16', 'b.test', 'ADDRESS_REFUSED'],
  ])('with the list "%s", %s at 10.1.2.3: %s', (allowed, host, expected) => {
    expect(verdict('10.1.2.3', { allowed, host })).toBe(expected);
  });

  it('applies the list to loopback too', () => {
    expect(verdict('127.0.0.1', { allowed: 'example.org' })).toBe('ADDRESS_REFUSED');
    expect(verdict('127.0.0.1', { allowed: '127.0.0.0/8' })).toBe('open');
  });

  it('reports the rule that refused an address', () => {
    const off = new Destinations({ HOST: '0.0.0.0', HTTP_TASK_ALLOWED_HOSTS: ['example.org'] });
    expect(() => off.check('db', '10.1.2.3')).toThrow(
      'The http task does not connect to "db", which resolves to 10.1.2.3: HTTP_TASK_ALLOWED_HOSTS does not include it; add it there',
    );
    expect(() => off.check('127.0.0.1', '127.0.0.1')).toThrow(
      /connect to 127\.0\.0\.1: loopback addresses are allowed only when HOST/,
    );
  });
});
