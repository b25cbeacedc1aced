import { BlockList, isIP, SocketAddress } from 'node:net';

/** IPv6 addresses that lead to an IPv4 address: the text before it, the text after it, and the bits before it. */
const IPV4_EMBEDDINGS = [
  ['::', '', 96], // IPv4-compatible. BlockList itself knows the IPv4-mapped ones, ::ffff:0:0/96.
  ['::ffff:0:', '', 96], // IPv4-translated
  ['64:ff9b::', '', 96], // NAT64
  ['2002:', '::', 16], // 6to4
] as const;

/** A set of IP addresses. It contains an IPv4 address in every notation, including the IPv6 addresses that embed it. */
export class IpSet {
  private readonly list = new BlockList();

  /** Takes addresses and networks in CIDR notation, such as 10.0.0.0/8. Each must satisfy `isAddressOrNetwork`. */
  constructor(ranges: string[]) {
    for (const range of ranges) this.add(range);
  }

  has(address: string): boolean {
    return this.list.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6');
  }

  private add(range: string): void {
    const [address = '', bits] = range.split('/');
    if (isIP(address) === 6) {
      this.list.addSubnet(address, Number(bits ?? 128), 'ipv6');
      return;
    }
    this.list.addSubnet(address, Number(bits ?? 32), 'ipv4');
    const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number);
    const hex = `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
    for (const [before, after, start] of IPV4_EMBEDDINGS)
      this.list.addSubnet(`${before}${hex}${after}`, start + Number(bits ?? 32), 'ipv6');
  }
}

/** True for an ISATAP address (RFC 5214): an IPv4 address after `0:5efe` or `200:5efe` in the lower half, below any network. */
export function isIsatap(address: string): boolean {
  if (isIP(address) !== 6) return false;
  const [marks = '', isatap] = groupsOf(address).slice(4);
  // The two bits say whether the IPv4 address is unique, and whether it is a multicast group.
  return isatap === '5efe' && ['0', '100', '200', '300'].includes(marks);
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** True when only this machine can reach `host`: an address, an address in brackets, or the name `localhost`. */
export function isLoopback(host: string): boolean {
  const address = withoutBrackets(host);
  const version = isIP(address);
  return version === 0 ? address === 'localhost' : loopback.check(address, version === 4 ? 'ipv4' : 'ipv6');
}

/** The host of a URL without the brackets around an IPv6 address. */
export const withoutBrackets = (host: string): string => host.replace(/^\[(.*)\]$/, '$1');

/** True for an IP address without a zone, and for a network in CIDR notation. */
export function isAddressOrNetwork(text: string): boolean {
  const [, address = '', bits = '0'] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const version = isIP(address);
  return version !== 0 && !address.includes('%') && Number(bits) <= (version === 4 ? 32 : 128);
}

/** The address in a value that a socket reports or that a proxy puts into `X-Forwarded-For`: without quotes, brackets, port and zone,
 *  in canonical form, and as IPv4 when it is IPv4-mapped. Null when the value has no IP address. */
export function addressIn(value: string): string | null {
  const text = value.trim().replace(/^"(.*)"$/, '$1');
  const [, bracketed, ipv4] = /^(?:\[([^\]]+)\]|(\d+\.\d+\.\d+\.\d+))(?::[\w.-]+)?$/.exec(text) ?? [];
  const address = (bracketed ?? ipv4 ?? text).replace(/%.*$/, '');
  const version = isIP(address);
  return version === 6 ? canonicalIPv6(address).replace(/^::ffff:(?=\d+\.)/, '') : version === 4 ? address : null;
}

/** The addresses that one client can choose from: an IPv4 address by itself, an IPv6 address with its /56 network. Providers delegate
 *  prefixes of up to this size to one household or machine. */
export function clientNetwork(address: string): string {
  if (isIP(address) !== 6) return address;
  const [a, b, c, d = '0'] = groupsOf(address);
  return `${a}:${b}:${c}:${(Number.parseInt(d, 16) & 0xff00).toString(16)}::/56`;
}

/** The eight groups of an IPv6 address, in lower case and without leading zeros. */
function groupsOf(ipv6: string): string[] {
  const halves = canonicalIPv6(ipv6).split('::');
  const [left = [], right = []] = halves.map((half) => half.split(':').filter((group) => group !== ''));
  const zeros = Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0');
  return [...left, ...zeros, ...right];
}

/** The address in lower case, without leading zeros and with at most one `::`. */
const canonicalIPv6 = (address: string): string => new SocketAddress({ address, family: 'ipv6' }).address;
