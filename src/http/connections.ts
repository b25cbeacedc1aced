import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Logger } from '@nestjs/common';
import { addressIn, clientNetwork } from '../core/ip.js';
import { MAX_BODY_MS } from './bodies.js';

/** Why a connection was refused: all are in use, or one client has as many as it may have. */
export type Refusal = 'all' | 'client';

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

/** How many requests a client may send on one connection before it has the response to the first. Browsers and most clients send one.
 *  Node handles all requests of a read, which are up to 2,400, without a turn of the event loop between them. */
const MAX_PIPELINED = 10;

/** Closes slow connections and those with more than ten unfinished requests. Refuses connections beyond `max` and those of a client
 *  that already has 80 % of `max`. A client is an IPv4 address or an IPv6 /56 network, of the peer and not of a header. Call it before
 *  the server listens, and after it has got its handler of requests. */
export function limitConnections(server: Server, max: number, onRefused: (why: Refusal) => void = () => {}): void {
  Object.assign(server, timeouts, { maxConnections: max });
  limitPipelining(server);
  const maxOfClient = Math.max(1, Math.floor(max * CLIENT_SHARE));
  const open = new Map<string, number>();
  const log = logAtIntervals(max);
  const refuse = (why: Refusal) => {
    onRefused(why);
    log(why);
  };
  server.on('drop', () => refuse('all'));
  server.on('connection', (socket) => {
    const client = clientNetwork(addressIn(socket.remoteAddress ?? '') ?? '');
    const count = open.get(client) ?? 0;
    if (count >= maxOfClient) {
      socket.destroy();
      refuse('client');
      return;
    }
    open.set(client, count + 1);
    socket.once('close', () => {
      const left = open.get(client)! - 1;
      if (left > 0) open.set(client, left);
      else open.delete(client);
    });
  });
}

/** Runs before the handlers of the server and not as middleware, because even the first middleware costs more than the rest. */
function limitPipelining(server: Server): void {
  const handlers = server.listeners('request') as RequestListener[];
  const unfinished = new WeakMap<Socket, number>();
  server.removeAllListeners('request');
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request;
    // The other requests of the read in which the connection was closed.
    if (socket.destroyed) return;
    const count = unfinished.get(socket) ?? 0;
    if (count >= MAX_PIPELINED) {
      socket.destroy();
      return;
    }
    unfinished.set(socket, count + 1);
    response.once('close', () => unfinished.set(socket, unfinished.get(socket)! - 1));
    for (const handle of handlers) handle.call(server, request, response);
  });
}

/** Logs the first refusal, and then at most one line a minute. */
function logAtIntervals(max: number): (why: Refusal) => void {
  const logger = new Logger('Connections');
  let loggedAt = -Infinity;
  let refused = 0;
  return (why) => {
    refused += 1;
    if (performance.now() - loggedAt < LOG_EVERY_MS) return;
    loggedAt = performance.now();
    const limit = why === 'all' ? `HTTP_MAX_CONNECTIONS=${max}` : `80 % of HTTP_MAX_CONNECTIONS=${max} for one client`;
    logger.warn(`${refused} connections refused since the last such line; the limit is ${limit}`);
    refused = 0;
  };
}
