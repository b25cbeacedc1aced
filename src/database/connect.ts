import { Client } from 'pg';
import { Problem } from '../core/problem.js';
import type { DatabaseSettings } from './data-source.js';

type Variable = 'DATABASE_URL' | 'DATABASE_DIRECT_URL';

/** A session with the service's database, perhaps through a pooler. Throws a Problem that says where it was tried, without the password. */
export const connect = (settings: DatabaseSettings, purpose: string): Promise<Client> =>
  open('DATABASE_URL', settings, purpose);

/** The same past any pooler: for what lives as long as a session. */
export const connectDirectly = (settings: DatabaseSettings, purpose: string): Promise<Client> =>
  open(directVariable(settings), settings, purpose);

/** The variable that leads past any pooler. */
export const directVariable = ({ DATABASE_DIRECT_URL }: DatabaseSettings): Variable =>
  DATABASE_DIRECT_URL === undefined ? 'DATABASE_URL' : 'DATABASE_DIRECT_URL';

async function open(variable: Variable, settings: DatabaseSettings, purpose: string): Promise<Client> {
  const client = new Client({
    connectionString: settings[variable],
    application_name: `cronzimus ${purpose}`,
    connectionTimeoutMillis: 10_000,
  });
  // Told by the query that fails.
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
      `${variable} leads to ${host}:${port}, database "${database}", user "${user}", which did not let us in: ${why}`,
    );
  }
}
