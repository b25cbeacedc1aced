import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket, connect } from 'node:net';

/** A way to the database that can be made bad. */
export class Proxy {
  private readonly pairs = new Set<[Socket, Socket]>();
  private delayMs = 0;
  private silent = false;
  private commitToLose: { text: string; lost: () => void } | null = null;

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

  /** The next transaction with this text in a statement commits, and the connection ends before its client hears of it. Resolves
   *  then. */
  loseCommitOf(text: string): Promise<void> {
    return new Promise((lost) => {
      this.commitToLose = { text, lost };
    });
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
    this.watchCommit(near, far);
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

  /** Before the pieces are passed on, so that the answer to the commit is not. */
  private watchCommit(near: Socket, far: Socket): void {
    let [chosen, committing] = [false, false];
    near.on('data', (piece) => {
      chosen ||= this.commitToLose !== null && piece.includes(this.commitToLose.text);
      committing = chosen && piece.includes('COMMIT');
    });
    far.on('data', () => {
      if (!committing || !this.commitToLose) return;
      near.destroy();
      this.commitToLose.lost();
      this.commitToLose = null;
    });
  }
}
