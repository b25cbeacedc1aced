import { isIP } from 'node:net';

/** Whose address it is: itself of IPv4; of IPv6 its network of 64 bits, in which a client may take any address it likes. */
export function networkOf(address: string): string {
  if (isIP(address) !== 6) return address;
  const [head = '', tail] = address.split('::').map((part) => part.split(':').filter((group) => group !== ''));
  const left = head as string[];
  const zeros = tail ? Array<string>(8 - left.length - tail.length).fill('0') : [];
  const groups = [...left, ...zeros, ...(tail ?? [])].slice(0, 4);
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`;
}
