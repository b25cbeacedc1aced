import { Client, DatabaseError } from 'pg';
import { findBinaries } from './embedded/binaries.js';
import { ensureCluster, SERVICE } from './embedded/cluster.js';
import { EmbeddedPostgresFailed } from './embedded/errors.js';
import { takeOwnership } from './embedded/owner.js';
import { stopPostmaster } from './embedded/postmaster.js';
import { runServer } from './embedded/server.js';
import { openSite } from './embedded/site.js';

/** A PostgreSQL server of our own, for who has none. */
export interface EmbeddedPostgres {
  /** Leads to the service's database as the service's role, which is no superuser. */
  readonly url: string;
  /** Ends the server; open transactions are rolled back. Harmless when called again. */
  stop(): Promise<void>;
}

/**
 * Starts the server of `dataDir`, which is made where it is absent, and returns once it answers. It survives this
 * process when that is killed, and the next start finds it again. One process at a time owns a folder.
 * Throws a Problem: EMBEDDED_POSTGRES_MISSING, EMBEDDED_POSTGRES_IN_USE or EMBEDDED_POSTGRES_FAILED.
 */
export async function startEmbeddedPostgres(dataDir: string): Promise<EmbeddedPostgres> {
  const binaries = await findBinaries();
  const site = await openSite(dataDir);
  const release = await takeOwnership(site);
  try {
    const password = await ensureCluster(site, binaries);
    const urlAt = (port: number) => `postgres://${SERVICE}:${password}@127.0.0.1:${port}/${SERVICE}?sslmode=disable`;
    const { pid, port } = await runServer(site, binaries.postgres, (at) => answers(urlAt(at)));
    let stopping: Promise<void> | undefined;
    return { url: urlAt(port), stop: () => (stopping ??= stopPostmaster(site.cluster, pid).then(release)) };
  } catch (error) {
    await release();
    throw error;
  }
}

/** Whether the server lets the service in. False while it starts, recovers or stops; throws when it refuses us for good. */
async function answers(connectionString: string): Promise<boolean> {
  const client = new Client({ connectionString, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return true;
  } catch (error) {
    // Class 28: wrong password or no access; 3D: no such database.
    if (error instanceof DatabaseError && /^(28|3D)/.test(error.code ?? '')) {
      throw new EmbeddedPostgresFailed('The embedded PostgreSQL does not let the service in', error.message);
    }
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}
