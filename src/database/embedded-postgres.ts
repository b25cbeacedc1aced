import { Client, DatabaseError } from 'pg';
import { findBinaries } from './embedded/binaries.js';
import { ensureCluster, SERVICE } from './embedded/cluster.js';
import { EmbeddedPostgresFailed } from './embedded/errors.js';
import { takeOwnership } from './embedded/owner.js';
import { stopPostmaster } from './embedded/postmaster.js';
import { runServer } from './embedded/server.js';
import { openSite } from './embedded/site.js';
import { type ServerEvents, supervise } from './embedded/supervise.js';

/** The PostgreSQL server that the service runs itself when no other one is configured. */
export interface EmbeddedPostgres {
  /** The URL of the service's database, with the service's role, which is not a superuser. */
  readonly url: string;
  /** From now on, starts the server again whenever its process is gone. Call it once. */
  supervise(events: ServerEvents): void;
  /** Stops the server and rolls back open transactions. Later calls return the same promise. */
  stop(): Promise<void>;
}

/**
 * Starts the server of the folder `dataDir`, which is created when it is absent, and returns when the server accepts connections.
 * The server survives when this process is killed, and the next start finds it again. One process at a time owns a folder.
 * Throws a Problem: EMBEDDED_POSTGRES_MISSING, EMBEDDED_POSTGRES_IN_USE or EMBEDDED_POSTGRES_FAILED.
 */
export async function startEmbeddedPostgres(dataDir: string): Promise<EmbeddedPostgres> {
  const binaries = await findBinaries();
  const site = await openSite(dataDir);
  const release = await takeOwnership(site);
  try {
    const password = await ensureCluster(site, binaries);
    const urlAt = (port: number) => `postgres://${SERVICE}:${password}@127.0.0.1:${port}/${SERVICE}?sslmode=disable`;
    const accepts = (port: number) => acceptsConnections(urlAt(port));
    const current = await runServer(site, binaries.postgres, accepts);
    const { port } = current;
    const ended = new AbortController();
    const start = () => runServer(site, binaries.postgres, accepts, { port, stop: ended.signal });
    const server = { cluster: site.cluster, current, start };
    let supervision = Promise.resolve();
    let stopping: Promise<void> | undefined;
    const stop = async () => {
      ended.abort();
      await supervision;
      await stopPostmaster(site.cluster, server.current.pid);
      await release();
    };
    return {
      url: urlAt(port),
      supervise: (events) => {
        supervision = supervise(server, events, ended.signal);
      },
      stop: () => (stopping ??= stop()),
    };
  } catch (error) {
    await release();
    throw error;
  }
}

/** True when the server accepts a connection. False while it starts, recovers or stops. Throws when it rejects the service's login. */
async function acceptsConnections(connectionString: string): Promise<boolean> {
  const client = new Client({ connectionString, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return true;
  } catch (error) {
    // Class 28: wrong password or no access. Class 3D: no such database.
    if (error instanceof DatabaseError && /^(28|3D)/.test(error.code ?? '')) {
      throw new EmbeddedPostgresFailed('The embedded PostgreSQL rejects the login of the service', error.message);
    }
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}
