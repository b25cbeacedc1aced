import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket, connect } from 'node:net';

/** A proxy before the database that can delay, cut and stall connections. */
export class Proxy {
  private readonly pairs = new Set<[Socket, Socket]>();
  private readonly abandoned = new Set<[Socket, Socket]>();
  /** Connections that were opened while the target had vanished. */
  private readonly unanswered = new Set<Socket>();
  private vanished = false;
  private delayMs = 0;
  private stalled = false;
  private refusing = false;
  private commitToLose: { text: string; lost: () => void } | null = null;
  private losesCommit: () => boolean = () => false;
  /** How many connections were ended between a COMMIT and its response. */
  lostCommits = 0;

  private constructor(
    private readonly server: Server,
    private target: URL,
    /** The URL of the database, through the proxy. */
    readonly url: string,
  ) {}

  static async to(databaseUrl: string): Promise<Proxy> {
    const server = createServer({ allowHalfOpen: true }, (near) => proxy.join(near));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = new URL(databaseUrl);
    url.port = String((server.address() as AddressInfo).port);
    const proxy = new Proxy(server, new URL(databaseUrl), url.href);
    return proxy;
  }

  /** Delays each chunk by this long from now on. */
  delay(ms: number): void {
    this.delayMs = ms;
  }

  /** Ends all connections. New ones work. */
  cut(): void {
    for (const pair of this.pairs) for (const socket of pair) socket.destroy();
  }

  /** Passes nothing on until `resume`. Connections stay open, and new ones hang. */
  stall(): void {
    this.stalled = true;
    for (const pair of this.pairs) for (const socket of pair) socket.pause();
  }

  resume(): void {
    this.stalled = false;
    for (const pair of this.pairs) for (const socket of pair) socket.resume();
  }

  /** Ends all connections, and refuses new ones until `accept`. */
  refuse(): void {
    this.refusing = true;
    this.cut();
  }

  accept(): void {
    this.refusing = false;
  }

  /** Ends all connections for the server only. The clients do not notice. */
  drop(): void {
    for (const [near, far] of this.pairs) {
      far.removeAllListeners('close').destroy();
      near.removeAllListeners('data').resume();
    }
  }

  /** From now on, nothing passes through the connections that are open, and nothing closes them. New ones work: the host of the
   *  database has vanished, and its address leads to another one. */
  abandon(): void {
    for (const pair of this.pairs) {
      this.abandoned.add(pair);
      for (const socket of pair) socket.removeAllListeners('close').removeAllListeners('data').resume();
    }
  }

  /** The host of the target vanishes: nothing passes through open connections, nothing closes them, and new ones hang, until `moveTo`.
   *  Those that were opened until then never get a response. */
  vanish(): void {
    this.abandon();
    this.vanished = true;
  }

  /** New connections lead to another server. Open ones stay as they are. */
  moveTo(databaseUrl: string): void {
    this.target = new URL(databaseUrl);
    this.vanished = false;
  }

  /** Lets the next transaction with this text in a statement commit, and ends its connection before the client gets the response.
   *  Resolves when that has happened. */
  loseCommitOf(text: string): Promise<void> {
    return new Promise((lost) => {
      this.commitToLose = { text, lost };
    });
  }

  /** Lets each COMMIT for which `loses` returns true reach the server, and ends its connection before the client gets the response. */
  loseCommits(loses: () => boolean): void {
    this.losesCommit = loses;
  }

  async close(): Promise<void> {
    this.cut();
    for (const pair of this.abandoned) for (const socket of pair) socket.destroy();
    for (const socket of this.unanswered) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  private join(near: Socket): void {
    if (this.refusing) {
      near.destroy();
      return;
    }
    if (this.vanished) {
      this.unanswered.add(near);
      near.on('error', () => near.destroy()).resume();
      return;
    }
    const far = connect({ port: Number(this.target.port), host: this.target.hostname, allowHalfOpen: true });
    const pair: [Socket, Socket] = [near, far];
    this.pairs.add(pair);
    this.watchCommit(near, far);
    for (const [from, to] of [pair, pair.toReversed() as [Socket, Socket]]) {
      from.on('data', (piece) => {
        if (this.delayMs === 0) to.write(piece);
        else setTimeout(() => to.destroyed || to.write(piece), this.delayMs);
      });
      from.on('error', () => to.destroy());
      from.on('end', () => this.abandoned.has(pair) || to.end());
      from.on('close', () => {
        to.destroy();
        this.pairs.delete(pair);
      });
      if (this.stalled) from.pause();
    }
  }

  /** Runs before chunks are passed on, so that the response to the commit is not. */
  private watchCommit(near: Socket, far: Socket): void {
    let [chosen, committing] = [false, false];
    near.on('data', (piece) => {
      // The statement itself: READ COMMITTED, with which each transaction begins, has the same letters.
      const commits = piece.includes('COMMIT\0');
      chosen ||= this.commitToLose !== null && piece.includes(this.commitToLose.text);
      committing = commits && (chosen || this.losesCommit());
    });
    far.on('data', () => {
      if (!committing || near.destroyed) return;
      near.destroy();
      this.lostCommits += 1;
      if (!chosen) return;
      this.commitToLose?.lost();
      this.commitToLose = null;
    });
  }
}
