import type { Environment } from '../config/environment.js';
import { IpSet, isAddressOrNetwork, isIsatap, isLoopback } from '../core/ip.js';
import { AddressRefusedError } from './http-errors.js';

const LOOPBACK = new IpSet(['127.0.0.0/8', '::1']);
/** This machine, link-local, multicast and broadcast. */
const LOCAL = ['0.0.0.0/8', '::', '169.254.0.0/16', 'fe80::/10', '224.0.0.0/4', 'ff00::/8', '255.255.255.255'];
/** Further addresses at which Alibaba, Azure, Oracle, AWS, Google, Linode and Scaleway serve metadata and credentials. */
const METADATA = [
  '100.100.100.200',
  '168.63.129.16',
  '192.0.0.192',
  'fd00:c1::a9fe:a9fe',
  'fd00:ec2::/32',
  'fd20:ce::254',
  'fd00:a9fe:a9fe::1',
  'fd00:42::42',
];
/** Teredo addresses contain an obfuscated IPv4 address. */
const TEREDO = '2001::/32';
/** The local-use prefix of NAT64 (RFC 8215). Depending on the network, the IPv4 address is in one of several places. */
const LOCAL_NAT64 = '64:ff9b:1::/48';
const NEVER = new IpSet([...LOCAL, ...METADATA, TEREDO, LOCAL_NAT64]);

/** The addresses that the http task may connect to, or another `sender`. */
export class Destinations {
  private readonly loopbackToo: boolean;
  /** Of HTTP_TASK_ALLOWED_HOSTS; undefined: no limit. */
  private readonly listed: { names: string[]; networks: IpSet } | undefined;

  constructor(
    { HOST, HTTP_TASK_ALLOWED_HOSTS: words }: Pick<Environment, 'HOST' | 'HTTP_TASK_ALLOWED_HOSTS'>,
    private readonly sender = 'The http task',
  ) {
    this.loopbackToo = isLoopback(HOST);
    this.listed = words && {
      names: words.filter((word) => !isAddressOrNetwork(word)),
      networks: new IpSet(words.filter(isAddressOrNetwork)),
    };
  }

  /** Throws ADDRESS_REFUSED unless the task may connect to `address`. `host` is the name that resolved to it, or the address
   *  itself. */
  check(host: string, address: string): void {
    const why = this.fault(host, address);
    if (why !== undefined) throw new AddressRefusedError(host, address, why, this.sender);
  }

  private fault(host: string, address: string): string | undefined {
    if (LOOPBACK.has(address)) {
      if (!this.loopbackToo) return 'loopback addresses are allowed only when HOST is loopback; use a network address';
    } else if (NEVER.has(address) || isIsatap(address))
      return 'link-local, metadata, multicast, unspecified and tunnel addresses are never allowed; use the address of a server';
    return this.isListed(host, address) ? undefined : 'HTTP_TASK_ALLOWED_HOSTS does not include it; add it there';
  }

  private isListed(host: string, address: string): boolean {
    if (!this.listed) return true;
    const name = host.toLowerCase().replace(/\.$/, '');
    const named = (word: string) => (word.startsWith('*.') ? name.endsWith(word.slice(1)) : name === word);
    return this.listed.networks.has(address) || this.listed.names.some(named);
  }
}
