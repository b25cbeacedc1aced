import { Client } from 'pg';
import { Problem } from '../core/problem.js';
import type { DatabaseSettings } from './data-source.js';

/** A session of its own with the service's database. Throws a Problem that says where it was tried, without the password. */
export async function connect({ DATABASE_URL }: DatabaseSettings, purpose: string): Promise<Client> {
  const client = new Client({
    connectionString: DATABASE_URL,
    application_name: `cronzimus ${purpose}`,
    connectionTimeoutMillis: 10_000,
  });
  // Told by the query that fails.
  client.on('error', () => {});
  try {
    await client.connect();
    return client;
  } catch (error) {
    throw new DatabaseUnreachableError(client, error as Error);
  }
}

export class DatabaseUnreachableError extends Problem {
  constructor({ host, port, database, user }: Client, cause: Error) {
    const why = cause.message || (cause as NodeJS.ErrnoException).code;
    super(
      503,
      'DATABASE_UNAVAILABLE',
      `DATABASE_URL leads to ${host}:${port}, database "${database}", user "${user}", which did not let us in: ${why}`,
    );
  }
}
