import { Client } from 'pg';

/** Runs a statement that takes locks, in a transaction of its own. Returns a function that releases them. */
export async function holdLocks(connectionString: string, statement: string): Promise<() => Promise<void>> {
  const client = new Client({ connectionString });
  // Where a test fails, its database is dropped first.
  client.on('error', () => {});
  await client.connect();
  await client.query('BEGIN');
  await client.query(statement);
  return () => client.end();
}
