import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ClientBase, Connection } from 'pg';
import { NameResolver } from '../core/dns/name-resolver.js';

/** Not the one of the task http: its names cannot push those of the databases out of the cache. */
const databaseNames = new NameResolver();

/** Keepalive probes: the first after 3 s without a packet, then every 2 s. After 3 without a response the connection is lost. So a
 *  server that has vanished is noticed within 9 s while a session is idle, or while it waits for a statement that has arrived. Versions
 *  of Node that take only the delay send 10 probes, one each second, and notice it within 13 s. */
const KEEPALIVE = [true, 3_000, 2_000, 3] as const;

/** A socket for the option `stream` of pg, which passes no `lookup` on. It resolves names without libuv's threads, which other
 *  lookups can block. After a connection that failed, the name is resolved anew, even if the time to live of its addresses is not
 *  over: a fail-over may have moved it. */
export function databaseSocket(names = databaseNames): Socket {
  const socket = new Socket();
  const connect = socket.connect.bind(socket) as (...args: unknown[]) => Socket;
  const setKeepAlive = socket.setKeepAlive.bind(socket) as (...keepalive: typeof KEEPALIVE) => Socket;
  // pg passes a port and a host, or the path of a Unix socket.
  const connectByName = (...args: unknown[]) => {
    const [port, host] = args;
    if (typeof host !== 'string') return connect(...args);
    const forget = () => {
      if (socket.bytesRead === 0) names.forget(host);
    };
    // The error comes first, and pg may connect again before the socket is closed. A timeout closes it without an error.
    socket.once('error', forget).once('close', forget);
    return connect({ port, host, lookup: names.lookup });
  };
  // pg would set a delay only, and the system's defaults for the rest are minutes.
  return Object.assign(socket, { connect: connectByName, setKeepAlive: () => setKeepAlive(...KEEPALIVE) });
}

/** The stream that carries the protocol of PostgreSQL, decrypted, once the client is connected. pg keeps it in a field that its
 *  types describe for `Client` only, so this is the only place that reads it. test/database-socket.test.ts fails when an
 *  update of pg moves it. */
export const streamOf = (client: ClientBase): Duplex =>
  (client as unknown as { connection: Connection }).connection.stream;
