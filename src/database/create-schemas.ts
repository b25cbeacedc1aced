import { DatabaseError } from 'pg';
import { Problem } from '../core/problem.js';
import { connect } from './connect.js';
import type { DatabaseSettings } from './data-source.js';
import { queueSchema } from './queue-schema.js';

const INSUFFICIENT_PRIVILEGE = '42501';

/** Makes the schema of our tables and that of the queue, where they are not there. Looks first: PostgreSQL asks for the right
 *  to create one also where there is nothing to create. Throws SCHEMA_NOT_ALLOWED. */
export async function createSchemas(settings: DatabaseSettings): Promise<void> {
  const client = await connect(settings, 'migrate');
  try {
    for (const schema of [settings.DATABASE_SCHEMA, queueSchema(settings.DATABASE_SCHEMA)]) {
      const { rows } = await client.query<{ there: boolean; role: string }>(
        'SELECT to_regnamespace($1) IS NOT NULL AS there, current_user AS role',
        [schema],
      );
      const { there, role } = rows[0]!;
      if (there) continue;
      await client.query(`CREATE SCHEMA IF NOT EXISTS "${schema}"`).catch((error: unknown) => {
        const refused = error instanceof DatabaseError && error.code === INSUFFICIENT_PRIVILEGE;
        throw refused ? new SchemaNotAllowedError(schema, role) : error;
      });
    }
  } finally {
    await client.end();
  }
}

class SchemaNotAllowedError extends Problem {
  constructor(
    readonly schema: string,
    readonly role: string,
  ) {
    super(
      500,
      'SCHEMA_NOT_ALLOWED',
      `The role "${role}" may not create the schema "${schema}"; let somebody who may run CREATE SCHEMA "${schema}" AUTHORIZATION "${role}"`,
    );
  }
}
