import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ClientBase, Connection } from 'pg';
import { NameResolver } from '../core/dns/name-resolver.js';

/** Not the one of the task http: its names cannot push those of the databases out of the cache. */
const databaseNames = new NameResolver();

/** A socket for the option `stream` of pg, which passes no `lookup` on. It resolves names without libuv's threads, which other
 *  lookups can block. */
export function databaseSocket(names = databaseNames): Socket {
  const socket = new Socket();
  const connect = socket.connect.bind(socket) as (...args: unknown[]) => Socket;
  // pg passes a port and a host, or the path of a Unix socket.
  const connectByName = (...args: unknown[]) => {
    const [port, host] = args;
    return typeof host === 'string' ? connect({ port, host, lookup: names.lookup }) : connect(...args);
  };
  return Object.assign(socket, { connect: connectByName });
}

/** The stream that carries the protocol of PostgreSQL, decrypted, once the client is connected. pg keeps it in a field that its
 *  types describe for `Client` only, so this is the only place that reads it. test/database-socket.test.ts fails when an
 *  update of pg moves it. */
export const streamOf = (client: ClientBase): Duplex =>
  (client as unknown as { connection: Connection }).connection.stream;
