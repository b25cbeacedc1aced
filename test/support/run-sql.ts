import { Client } from 'pg';

/** Runs one statement in a session of its own and returns its rows. */
export async function runSql<T extends object = Record<string, unknown>>(
  connectionString: string,
  statement: string,
  values: unknown[] = [],
): Promise<T[]> {
  const client = new Client({ connectionString });
  await client.connect();
  try {
    return (await client.query<T>(statement, values)).rows;
  } finally {
    await client.end();
  }
}
