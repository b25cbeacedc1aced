/** Lets pg_stat_statements count what a database is asked from its next connections on. */
export const countStatements = ({ admin }, database) =>
  admin.query(`ALTER DATABASE ${database} SET pg_stat_statements.track = 'top'`);

/** How many statements the database has been asked; BEGIN and COMMIT count too. */
export async function statementsSoFar({ admin }, database) {
  const { rows } = await admin.query(
    `SELECT coalesce(sum(calls), 0)::int AS calls FROM pg_stat_statements
     WHERE dbid = (SELECT oid FROM pg_database WHERE datname = $1)`,
    [database],
  );
  return rows[0].calls;
}
