import { Problem } from '../core/problem.js';
import { connect } from './connect.js';
import type { DatabaseSettings } from './data-source.js';

/** Throws DATABASE_ENCODING if the database cannot store all characters: names, inputs, outputs and logs would be refused, or be
 *  stored as bytes that cannot be read again. The encoding of a database cannot be changed later. */
export async function refuseEncoding(settings: DatabaseSettings): Promise<void> {
  const client = await connect(settings, 'probe');
  try {
    const { rows } = await client.query<{ encoding: string; database: string }>(
      `SELECT current_setting('server_encoding') AS encoding, current_database() AS database`,
    );
    const { encoding, database } = rows[0]!;
    if (encoding !== 'UTF8') throw new DatabaseEncodingError(database, encoding);
  } finally {
    await client.end();
  }
}

export class DatabaseEncodingError extends Problem {
  constructor(
    readonly database: string,
    readonly encoding: string,
  ) {
    super(
      500,
      'DATABASE_ENCODING',
      `The database "${database}" has the encoding ${encoding}, and the service needs UTF8. Create one with ` +
        `CREATE DATABASE cronzimus TEMPLATE template0 ENCODING 'UTF8', and set DATABASE_URL to it`,
    );
  }
}
