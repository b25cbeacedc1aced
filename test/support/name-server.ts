import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { isIPv4, SocketAddress } from 'node:net';
import { join } from 'node:path';

/** What a name has: addresses, a CNAME for a name that has no addresses, an error of the server, or no response at all. A name that
 *  is not listed does not exist. */
export type Zone = Record<string, string[] | 'dangling' | 'silent' | 'fails'>;

const TYPES = { a: 1, cname: 5 };

const RCODES = { ok: 0, fails: 2, none: 3 };

/** A DNS server on a loopback address that serves A and AAAA records over UDP. */
export class TestNameServer {
  /** The names that were asked for, with their types, in order. */
  readonly asked: string[] = [];

  private constructor(
    private readonly socket: Socket,
    /** May be changed at any time. */
    public zone: Zone,
    private readonly ttlSeconds: number,
  ) {
    socket.on('message', (query, { port, address }) => {
      const response = this.respond(query);
      if (response) socket.send(response, port, address);
    });
  }

  static async start(zone: Zone, ttlSeconds = 60): Promise<TestNameServer> {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new TestNameServer(socket, zone, ttlSeconds);
  }

  get address(): string {
    return `127.0.0.1:${this.socket.address().port}`;
  }

  /** Writes the files that NameResolver reads, and returns their paths. */
  async files({ options = '', hosts = '', servers = [this.address] } = {}): Promise<{
    hosts: string;
    resolvConf: string;
  }> {
    const folder = await mkdtemp(join(process.env['TEST_SCRATCH']!, 'names-'));
    const paths = { hosts: join(folder, 'hosts'), resolvConf: join(folder, 'resolv.conf') };
    const lines = servers.map((server) => `nameserver ${server}\n`).join('');
    await writeFile(paths.resolvConf, `${lines}${options}\n`);
    await writeFile(paths.hosts, hosts);
    return paths;
  }

  stop(): void {
    this.socket.close();
  }

  private respond(query: Buffer): Buffer | undefined {
    const { name, end } = nameAt(query, 12);
    const type = query.readUInt16BE(end);
    this.asked.push(`${name} ${type === TYPES.a ? 'A' : 'AAAA'}`);
    const entry = this.zone[name.toLowerCase()];
    if (entry === 'silent') return undefined;
    const addresses = Array.isArray(entry) ? entry.filter((address) => isIPv4(address) === (type === TYPES.a)) : [];
    const records = addresses.map((address) => this.record(type, bytesOf(address)));
    if (entry === 'dangling') records.push(this.record(TYPES.cname, Buffer.from('\x04gone\x04test\0')));
    const header = Buffer.alloc(12);
    query.copy(header, 0, 0, 2);
    const rcode = entry === 'fails' ? RCODES.fails : entry ? RCODES.ok : RCODES.none;
    header.writeUInt16BE(0x8180 | rcode, 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(records.length, 6);
    return Buffer.concat([header, query.subarray(12, end + 4), ...records]);
  }

  private record(type: number, data: Buffer): Buffer {
    const head = Buffer.alloc(12);
    head.writeUInt16BE(0xc00c, 0);
    head.writeUInt16BE(type, 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt32BE(this.ttlSeconds, 6);
    head.writeUInt16BE(data.length, 10);
    return Buffer.concat([head, data]);
  }
}

function nameAt(message: Buffer, start: number): { name: string; end: number } {
  const labels: string[] = [];
  let at = start;
  for (let length = message[at]!; length > 0; length = message[at]!) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.'), end: at + 1 };
}

function bytesOf(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  const { address: canonical } = new SocketAddress({ address, family: 'ipv6' });
  const [left = [], right = []] = canonical.split('::').map((half) => half.split(':').filter((group) => group !== ''));
  const groups = [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right];
  return Buffer.from(groups.map((group) => group.padStart(4, '0')).join(''), 'hex');
}
