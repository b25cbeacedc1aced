import { Client, type ClientConfig } from 'pg';
import { silentServers } from './silent-servers.js';

/** The client of all pools. It notices a server that has vanished: see silent-servers.
 *
 *  pg emits `error` when a session ends without a query, and the pool listens only while nobody uses the
 *  client. A server that ends a session right after its login sends both in one packet, before the code that waits for the client
 *  can listen. The event would end the process then. Here nothing happens: the next query rejects, and the pool drops the client. */
export class PooledClient extends Client {
  constructor(config: ClientConfig = {}) {
    super(config);
    this.on('error', () => undefined);
    silentServers.watch(this, config);
  }
}
