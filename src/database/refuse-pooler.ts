import type { Client } from 'pg';
import { Problem } from '../core/problem.js';
import { connectDirectly, directVariable } from './connect.js';
import type { DatabaseSettings } from './data-source.js';

/** Several probes, because other clients of a pooler can hide it from a single probe. */
const PROBES = 3;

/** Throws DATABASE_POOLED when the direct URL leads through a transaction pooler. Such a pooler accepts LISTEN and session locks
 *  without an error, and loses them. */
export async function refusePooler(settings: DatabaseSettings): Promise<void> {
  const holder = await connectDirectly(settings, 'probe');
  try {
    const other = await connectDirectly(settings, 'probe');
    try {
      if (await isPooled(holder, other)) throw new DatabasePooledError(directVariable(settings));
    } finally {
      await other.end();
    }
  } finally {
    await holder.end();
  }
}

/** True when `holder` gets another server session although it is idle, or when `other` gets the session of `holder`. */
async function isPooled(holder: Client, other: Client): Promise<boolean> {
  // Some poolers reserve the session for a client after LISTEN, which is enough for this service.
  await holder.query('LISTEN cronzimus_probe');
  try {
    const own = await sessionOf(holder);
    for (let probe = 0; probe < PROBES; probe += 1) {
      if ((await sessionOf(other)) === own) return true;
      // Two queries, because a pooler that alternates between two sessions would give the holder its own session again.
      if ((await sessionOf(holder)) !== own || (await sessionOf(holder)) !== own) return true;
    }
    return false;
  } finally {
    await holder.query('UNLISTEN cronzimus_probe');
  }
}

async function sessionOf(client: Client): Promise<number> {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  return rows[0]!.pid;
}

export class DatabasePooledError extends Problem {
  constructor(variable: string) {
    super(
      500,
      'DATABASE_POOLED',
      `${variable} leads through a transaction pooler. LISTEN, and the lock that shows that this process is alive, need a session ` +
        'of their own. Set DATABASE_DIRECT_URL to a URL that bypasses the pooler, or that it pools by session. DATABASE_URL ' +
        'can stay as it is.',
    );
  }
}
