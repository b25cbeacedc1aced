import type { Client } from 'pg';
import { Problem } from '../core/problem.js';
import { connectDirectly, directVariable } from './connect.js';
import type { DatabaseSettings } from './data-source.js';

/** Looks, since other clients of a pooler may hide it from a single one. */
const LOOKS = 3;

/** Throws where the direct URL leads through a pooler that lends the server's sessions out by transaction: it would take the lock
 *  of presence and LISTEN without an error, and forget them. */
export async function refusePooler(settings: DatabaseSettings): Promise<void> {
  const holder = await connectDirectly(settings, 'probe');
  try {
    const other = await connectDirectly(settings, 'probe');
    try {
      if (await isLentOut(holder, other)) throw new DatabasePooledError(directVariable(settings));
    } finally {
      await other.end();
    }
  } finally {
    await holder.end();
  }
}

/** Whether the session of `holder`, which does nothing in between, changes or is given to `other`. */
async function isLentOut(holder: Client, other: Client): Promise<boolean> {
  // Some poolers leave a client its session from here on, and that is enough.
  await holder.query('LISTEN cronzimus_probe');
  try {
    const own = await sessionOf(holder);
    for (let look = 0; look < LOOKS; look += 1) {
      if ((await sessionOf(other)) === own) return true;
      // Twice, since a pooler that hands out two sessions in turn would give the first one its own again.
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
      `${variable} leads through a pooler that lends out the server's sessions by transaction; the lock that tells that this ` +
        'process lives, and LISTEN, need one that stays. Set DATABASE_DIRECT_URL to a URL past the pooler, or one that it ' +
        'pools by session; DATABASE_URL may stay as it is.',
    );
  }
}
