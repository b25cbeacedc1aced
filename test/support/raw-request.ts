import { connect, type Socket } from 'node:net';

/** A connection on which a test sends bytes as it likes. */
export class RawRequest {
  private readonly socket: Socket;
  private received = '';
  /** Resolves when the connection is closed. */
  readonly closed: Promise<void>;

  constructor(url: string, localAddress?: string) {
    this.socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', localAddress });
    this.socket.on('error', () => {}).on('data', (chunk) => (this.received += chunk.toString()));
    this.closed = new Promise((resolve) => this.socket.once('close', () => resolve()));
  }

  send(text: string): this {
    this.socket.write(text, 'latin1');
    return this;
  }

  /** Sends the request line and the headers, to which it adds a local `Host`. */
  head(method: string, path: string, headers: Record<string, string | number> = {}): this {
    const lines = Object.entries({ Host: 'localhost', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
    return this.send(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`);
  }

  /** One chunk of a body with `Transfer-Encoding: chunked`. */
  chunk(text: string): this {
    return this.send(`${text.length.toString(16)}\r\n${text}\r\n`);
  }

  /** The status and the rest of the response. Rejects when the connection is closed without a response. */
  async response(): Promise<{ status: number; text: string }> {
    const answered = () => /^HTTP\/1\.1 (\d{3}).*\r\n\r\n/s.test(this.received);
    await Promise.race([
      this.closed,
      new Promise<void>((resolve) => this.socket.on('data', () => answered() && resolve())),
      ...(answered() ? [Promise.resolve()] : []),
    ]);
    if (!answered()) throw new Error(`closed without a response: ${this.received}`);
    return { status: Number(this.received.slice(9, 12)), text: this.received };
  }

  close(): void {
    this.socket.destroy();
  }
}
