import { BlockList, isIP } from 'node:net';

/** What stands before and after an IPv4 address in the IPv6 addresses that lead to it, and how many bits come before. */
const EMBEDDINGS = [
  ['::', '', 96], // compatible; the mapped ones are known to the BlockList
  ['::ffff:0:', '', 96], // translated
  ['64:ff9b::', '', 96], // NAT64
  ['64:ff9b:1::', '', 96],
  ['2002:', '::', 16], // 6to4
] as const;

/** A set of addresses; those of IPv4 are in it however they are written, also embedded in IPv6. */
export class Networks {
  private readonly list = new BlockList();

  /** Takes addresses, and networks such as 10.0.0.0/8. */
  constructor(words: string[]) {
    for (const word of words) this.add(word);
  }

  has(address: string): boolean {
    return this.list.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6');
  }

  private add(word: string): void {
    const [address = '', bits] = word.split('/');
    if (isIP(address) === 6) {
      this.list.addSubnet(address, Number(bits ?? 128), 'ipv6');
      return;
    }
    this.list.addSubnet(address, Number(bits ?? 32), 'ipv4');
    const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number);
    const hex = `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
    for (const [before, after, start] of EMBEDDINGS)
      this.list.addSubnet(`${before}${hex}${after}`, start + Number(bits ?? 32), 'ipv6');
  }
}
