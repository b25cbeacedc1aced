import type { Server } from 'node:http';
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

/** Closes slow connections, and refuses those beyond `max` and those of a client that already has 80 % of `max`. A client is an IPv4
 *  address or an IPv6 /56 network, of the peer and not of a header. Call it before the server listens. */
export function limitConnections(server: Server, max: number, onRefused: (why: Refusal) => void = () => {}): void {
  Object.assign(server, timeouts, { maxConnections: max });
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
