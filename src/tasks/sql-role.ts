import type { Client, ClientBase } from 'pg';
import { type Power, SqlRoleRefusedError } from './sql-errors.js';

/** Roles of PostgreSQL with access to the server's files or programs, such as by COPY … TO PROGRAM. */
const SERVER_ACCESS = ['pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files'];

/**
 * Finds a role that the session has or can take, and that gives access to files or programs of the server. The current role does
 * not limit a session, because a block of PL/pgSQL can RESET ROLE, and a superuser that logged in as $1 can set the session user.
 * Before PostgreSQL 16, CREATEROLE allowed to grant oneself any role that is not a superuser.
 */
const findPower = `
  SELECT session_user AS "user", rolname AS role, rolsuper AS superuser, NOT rolsuper AND rolcreaterole AS createrole
  FROM pg_catalog.pg_roles
  WHERE (rolsuper OR rolname IN (${SERVER_ACCESS.map((role) => `'${role}'`).join(', ')})
      OR (rolcreaterole AND pg_catalog.current_setting('server_version_num')::int < 160000))
    AND EXISTS (SELECT FROM pg_catalog.pg_roles AS own
      WHERE own.rolname IN (session_user, current_user, $1) AND pg_catalog.pg_has_role(own.oid, pg_roles.oid, 'MEMBER'))
  ORDER BY rolname <> session_user, NOT rolsuper, rolname LIMIT 1`;

/** Throws SQL_ROLE_REFUSED when statements of this session could use files or programs of the database server. */
export async function checkRole(client: ClientBase): Promise<void> {
  const { user } = client as Client;
  const { rows } = await client.query<Power>(findPower, [user]);
  if (rows[0]) throw new SqlRoleRefusedError(rows[0]);
}
