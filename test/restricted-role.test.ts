import { randomBytes } from 'node:crypto';
import { migrate } from '../src/database/migrate.js';
import { runSql } from './support/run-sql.js';

/** An SQLSTATE. */
const INSUFFICIENT_PRIVILEGE = '42501';
const server = process.env['TEST_DATABASE_URL']!;
let settings: { DATABASE_URL: string; DATABASE_SCHEMA: string; DATABASE_DIRECT_URL: undefined };
let name: string;

/** An empty database in which our role may not create schemas. */
beforeEach(async () => {
  name = `test_${randomBytes(6).toString('hex')}`;
  await runSql(server, `CREATE DATABASE ${name}`);
  const url = new URL(server);
  url.pathname = name;
  settings = { DATABASE_URL: url.href, DATABASE_SCHEMA: 'cronzimus', DATABASE_DIRECT_URL: undefined };
});
afterEach(() => runSql(server, `DROP DATABASE ${name} WITH (FORCE)`));

const given = (statements: string) => runSql(settings.DATABASE_URL, statements);
const revoke = () => `REVOKE CREATE ON DATABASE ${name} FROM CURRENT_USER, PUBLIC`;

describe('a role that may not create schemas', () => {
  it('migrates in schemas that were created for it', async () => {
    await given(`CREATE SCHEMA cronzimus; ${revoke()}`);
    await expect(runSql(settings.DATABASE_URL, 'CREATE SCHEMA other')).rejects.toMatchObject({
      code: INSUFFICIENT_PRIVILEGE,
    });
    await migrate(settings);
    expect(await runSql(settings.DATABASE_URL, 'SELECT count(*)::int FROM cronzimus.jobs')).toEqual([{ count: 0 }]);
  });

  it('gets an error with the statement that creates the schema when it is missing', async () => {
    await given(revoke());
    await expect(migrate(settings)).rejects.toMatchObject({
      code: 'SCHEMA_NOT_ALLOWED',
      message: expect.stringMatching(`CREATE SCHEMA "cronzimus" AUTHORIZATION "`),
    });
  });
});
