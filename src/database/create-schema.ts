import { DatabaseError } from 'pg';
import { Problem } from '../core/problem.js';
import { connect } from './connect.js';
import type { DatabaseSettings } from './data-source.js';

const INSUFFICIENT_PRIVILEGE = '42501';

/** Creates the schema of our tables if it does not exist. Checks first, because CREATE SCHEMA IF NOT EXISTS requires the privilege
 *  even if the schema exists. Throws SCHEMA_NOT_ALLOWED if the role lacks the privilege. */
export async function createSchema(settings: DatabaseSettings): Promise<void> {
  const schema = settings.DATABASE_SCHEMA;
  const client = await connect(settings, 'migrate');
  try {
    const { rows } = await client.query<{ exists: boolean; role: string }>(
      'SELECT to_regnamespace($1) IS NOT NULL AS exists, current_user AS role',
      [schema],
    );
    const { exists, role } = rows[0]!;
    if (exists) return;
    await client.query(`CREATE SCHEMA IF NOT EXISTS "${schema}"`).catch((error: unknown) => {
      const refused = error instanceof DatabaseError && error.code === INSUFFICIENT_PRIVILEGE;
      throw refused ? new SchemaNotAllowedError(schema, role) : error;
    });
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
      `The role "${role}" may not create the schema "${schema}". Have a role with that privilege run CREATE SCHEMA "${schema}" AUTHORIZATION "${role}"`,
    );
  }
}
