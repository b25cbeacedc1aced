import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { Logger } from '@nestjs/common';
import { addressIn, clientNetwork } from '../core/ip.js';
import { MAX_BODY_MS } from './bodies.js';
import { isIdle } from './incoming-requests.js';

/** Which limit a new connection met: all are in use, or one client has as many as it may have. */
export type ConnectionLimit = 'all' | 'client';

const HEADERS_MS = 10_000;
const LOG_EVERY_MS = 60_000;
/** The share of the connections that one client may have. The rest is left for others, such as probes. */
const CLIENT_SHARE = 0.8;

const timeouts = {
  headersTimeout: HEADERS_MS,
  // Later than the timeout of the body, which has a response that explains itself.
  requestTimeout: HEADERS_MS + MAX_BODY_MS + 5_000,
  // Closes a connection whose client does not read its response.
  timeout: 120_000,
  // Node's own default of 30 s would let a slow client stay for so much longer than its timeout.
  connectionsCheckingInterval: 1_000,
};

/** Closes slow connections, and keeps no more open than `max`, and 80 % of `max` from one client. At such a limit, the oldest connection on which the service handles nothing gives way to the new one: one that is
 *  silent, still sends its headers, or has not read its response. Without such a connection, the new one is closed. A client is an
 *  IPv4 address or an IPv6 /56 network, of the peer and not of a header. `onLimit` is called for each connection that is closed. Call
 *  this before the server listens. */
export function limitConnections(
  server: Server,
  max: number,
  onLimit: (limit: ConnectionLimit) => void = () => {},
): void {
  Object.assign(server, timeouts);
  const maxOfClient = Math.max(1, Math.floor(max * CLIENT_SHARE));
  const open = new OpenConnections();
  const log = logAtIntervals(max);
  server.on('connection', (socket) => {
    const client = clientNetwork(addressIn(socket.remoteAddress ?? '') ?? '');
    const limit = open.countOf(client) >= maxOfClient ? 'client' : open.count >= max ? 'all' : undefined;
    if (limit) {
      onLimit(limit);
      log(limit);
      const idle = open.oldestIdle(limit === 'client' ? client : open.largestClient());
      (idle ?? socket).destroy();
      if (!idle) return;
      open.remove(idle);
    }
    open.add(client, socket);
    socket.once('close', () => open.remove(socket));
  });
}

/** The open connections by client, the oldest first. */
class OpenConnections {
  private readonly byClient = new Map<string, Set<Socket>>();
  private readonly clientOf = new Map<Socket, string>();

  get count(): number {
    return this.clientOf.size;
  }

  countOf(client: string): number {
    return this.byClient.get(client)?.size ?? 0;
  }

  add(client: string, socket: Socket): void {
    const sockets = this.byClient.get(client) ?? new Set();
    this.byClient.set(client, sockets.add(socket));
    this.clientOf.set(socket, client);
  }

  /** Does nothing when it was removed before. */
  remove(socket: Socket): void {
    const client = this.clientOf.get(socket);
    if (client === undefined) return;
    this.clientOf.delete(socket);
    const sockets = this.byClient.get(client)!;
    sockets.delete(socket);
    if (sockets.size === 0) this.byClient.delete(client);
  }

  /** The client with the most connections. */
  largestClient(): string {
    return [...this.byClient].reduce((a, b) => (b[1].size > a[1].size ? b : a))[0];
  }

  oldestIdle(client: string): Socket | undefined {
    for (const socket of this.byClient.get(client) ?? []) if (isIdle(socket)) return socket;
    return undefined;
  }
}

/** Logs the first time that a limit is met, and then at most one line a minute. */
function logAtIntervals(max: number): (limit: ConnectionLimit) => void {
  const logger = new Logger('Connections');
  let loggedAt = -Infinity;
  let closed = 0;
  return (met) => {
    closed += 1;
    if (performance.now() - loggedAt < LOG_EVERY_MS) return;
    loggedAt = performance.now();
    const limit = met === 'all' ? `HTTP_MAX_CONNECTIONS=${max}` : `80 % of HTTP_MAX_CONNECTIONS=${max} for one client`;
    logger.warn(`${closed} connections closed since the last such line; the limit is ${limit}`);
    closed = 0;
  };
}
