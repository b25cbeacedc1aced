import { Client } from 'pg';
import { Problem } from '../core/problem.js';
import type { DatabaseSettings } from './data-source.js';
import { databaseSocket } from './database-socket.js';

type Variable = 'DATABASE_URL' | 'DATABASE_DIRECT_URL';

/** Opens a session with the service's database, which may lead through a pooler. Throws DATABASE_UNAVAILABLE, whose message names host,
 *  database and user but not the password. */
export const connect = (settings: DatabaseSettings, purpose: string): Promise<Client> =>
  open('DATABASE_URL', settings, purpose);

/** Opens a session that bypasses any pooler, for locks and settings that last as long as the session. */
export const connectDirectly = (settings: DatabaseSettings, purpose: string): Promise<Client> =>
  open(directVariable(settings), settings, purpose);

/** The name of the variable whose URL bypasses any pooler. */
export const directVariable = ({ DATABASE_DIRECT_URL }: DatabaseSettings): Variable =>
  DATABASE_DIRECT_URL === undefined ? 'DATABASE_URL' : 'DATABASE_DIRECT_URL';

async function open(variable: Variable, settings: DatabaseSettings, purpose: string): Promise<Client> {
  const client = new Client({
    connectionString: settings[variable],
    application_name: `cronzimus ${purpose}`,
    connectionTimeoutMillis: 10_000,
    stream: () => databaseSocket(),
  });
  // The query that fails reports the error.
  client.on('error', () => {});
  try {
    await client.connect();
    return client;
  } catch (error) {
    throw new DatabaseUnreachableError(variable, client, error as Error);
  }
}

export class DatabaseUnreachableError extends Problem {
  constructor(variable: Variable, { host, port, database, user }: Client, cause: Error) {
    const why = cause.message || (cause as NodeJS.ErrnoException).code;
    super(
      503,
      'DATABASE_UNAVAILABLE',
      `Cannot connect to the database in ${variable} (${host}:${port}, database "${database}", user "${user}"): ${why}`,
    );
  }
}
