import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket, connect } from 'node:net';

/** A way to the database that can be made bad. */
export class Proxy {
  private readonly pairs = new Set<[Socket, Socket]>();
  private delayMs = 0;
  private silent = false;

  private constructor(
    private readonly server: Server,
    /** The same address as that of the database, through here. */
    readonly url: string,
  ) {}

  static async to(databaseUrl: string): Promise<Proxy> {
    const target = new URL(databaseUrl);
    const server = createServer((near) => proxy.join(near, Number(target.port), target.hostname));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = new URL(databaseUrl);
    url.port = String((server.address() as AddressInfo).port);
    const proxy = new Proxy(server, url.href);
    return proxy;
  }

  /** Each piece takes this long from now on. */
  delay(ms: number): void {
    this.delayMs = ms;
  }

  /** Ends all connections; new ones are served. */
  cut(): void {
    for (const pair of this.pairs) for (const socket of pair) socket.destroy();
  }

  /** Nothing gets through any more, and nobody is told; new connections hang. Until `speak`. */
  hush(): void {
    this.silent = true;
    for (const pair of this.pairs) for (const socket of pair) socket.pause();
  }

  speak(): void {
    this.silent = false;
    for (const pair of this.pairs) for (const socket of pair) socket.resume();
  }

  async close(): Promise<void> {
    this.cut();
    this.server.close();
    await once(this.server, 'close');
  }

  private join(near: Socket, port: number, host: string): void {
    const far = connect(port, host);
    const pair: [Socket, Socket] = [near, far];
    this.pairs.add(pair);
    for (const [from, to] of [pair, pair.toReversed() as [Socket, Socket]]) {
      from.on('data', (piece) => {
        if (this.delayMs === 0) to.write(piece);
        else setTimeout(() => to.destroyed || to.write(piece), this.delayMs);
      });
      from.on('error', () => to.destroy());
      from.on('close', () => {
        to.destroy();
        this.pairs.delete(pair);
      });
      if (this.silent) from.pause();
    }
  }
}
