import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';

export interface ReceivedRequest {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** An HTTP server on the loopback address that keeps what it receives, and responds with `status`, `headers` and `body`. */
export interface Receiver {
  url: string;
  requests: ReceivedRequest[];
  status: number;
  headers: Record<string, string>;
  body: string;
  /** While true, it does not respond. */
  silent: boolean;
  /** The bodies, parsed. */
  bodies<T>(): T[];
  close(): Promise<void>;
}

export async function startReceiver(port = 0): Promise<Receiver> {
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (piece: string) => (body += piece));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      receiver.requests.push({ method, path: url, headers, body });
      if (!receiver.silent) response.writeHead(receiver.status, receiver.headers).end(receiver.body);
    });
  });
  await once(server.listen(port, '127.0.0.1'), 'listening');
  const receiver: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: [],
    status: 200,
    headers: {},
    body: 'so it was',
    silent: false,
    bodies: <T>() => receiver.requests.map(({ body }) => JSON.parse(body) as T),
    close: async () => {
      server.closeAllConnections();
      await new Promise((done) => {
        server.close(done);
      });
    },
  };
  return receiver;
}

/** An SMTP server on the loopback address that keeps what it receives. It accepts one user. `secure`: with TLS from the
 *  beginning and a certificate that no client accepts. */
export async function startMailServer(user: string, password: string, { secure = false } = {}) {
  const mails: { from: string; to: string[]; text: string }[] = [];
  const server = new SMTPServer({
    secure,
    hideSTARTTLS: true,
    logger: false,
    onAuth: ({ username, password: given }, _session, done) =>
      username === user && given === password ? done(null, { user }) : done(new Error(`535 go away, ${given}`)),
    onData: (stream, { envelope }, done) => {
      let text = '';
      stream.setEncoding('utf8').on('data', (piece: string) => (text += piece));
      stream.on('end', () => {
        const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address;
        mails.push({ from, to: envelope.rcptTo.map(({ address }) => address), text });
        done();
      });
    },
  });
  // A client that refuses the certificate closes its connection.
  server.on('error', () => {});
  const listening = once(server.server, 'listening');
  server.listen(0, '127.0.0.1');
  await listening;
  const { port } = server.server.address() as AddressInfo;
  return { port, mails, close: () => new Promise<void>((done) => server.close(done)) };
}
