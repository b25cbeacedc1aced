import { Client, type ClientConfig } from 'pg';
import { silentServers } from './silent-servers.js';

/** The base of the clients of all pools. It notices a server that has vanished: see silent-servers.
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

/** The server ends a statement first, and its error reaches the client within this time. */
const LONGER_THAN_SERVER_MS = 3_000;

interface StartupParameters {
  getStartupConf(): Record<string, string>;
}

/** The client of the service's own pools. It asks for dates in ISO format when it connects: pg reads only that format, and the role or
 *  the database may have another default. Transaction poolers accept this parameter, because JDBC sends it too. Not for users: it
 *  would also reset the order of day and month in their input. test/role-settings.test.ts fails when an update of pg renames the
 *  method. */
export class ServiceClient extends PooledClient implements StartupParameters {
  /** Where pg reads how long it waits for the result of a query, in milliseconds. */
  declare private readonly connectionParameters: { query_timeout: number };
  private readonly minimumWaitMs: number;

  constructor(config: ClientConfig = {}) {
    super(config);
    this.minimumWaitMs = this.connectionParameters.query_timeout;
  }

  /** From now on waits longer for results than the server lets a statement run, but never less than the pool's own limit. */
  outwait(statementTimeoutMs: number): void {
    this.connectionParameters.query_timeout = Math.max(this.minimumWaitMs, statementTimeoutMs + LONGER_THAN_SERVER_MS);
  }

  getStartupConf(): Record<string, string> {
    const ofClient = (Client.prototype as unknown as StartupParameters).getStartupConf.call(this);
    return { ...ofClient, DateStyle: 'ISO' };
  }
}
