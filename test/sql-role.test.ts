import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PinoLogger } from 'nestjs-pino';
import { DataSource } from 'typeorm';
import { readEnvironment } from '../src/config/environment.js';
import { dataSourceOptions } from '../src/database/data-source.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../src/database/embedded-postgres.js';
import { SuperuserWarning } from '../src/database/superuser-warning.js';
import { createSqlTask } from '../src/tasks/create-sql-task.js';
import { ForeignSqlTask, SqlTask } from '../src/tasks/sql.task.js';
import { eventually } from './support/eventually.js';
import { runContext } from './support/run-context.js';
import { runSql } from './support/run-sql.js';

/** A server whose superuser may log in. */
let server: EmbeddedPostgres;
let folder: string;
beforeAll(async () => {
  folder = join(await mkdtemp(join(process.env['TEST_SCRATCH']!, 'roles-')), 'data');
  server = await startEmbeddedPostgres(folder);
  await writeFile(join(folder, 'postgres', 'pg_hba.conf'), 'host all all 127.0.0.1/32 trust\n');
  const pid = Number((await readFile(join(folder, 'postgres', 'postmaster.pid'), 'utf8')).split('\n')[0]);
  process.kill(pid, 'SIGHUP');
  await eventually(() => runSql(as('postgres'), 'SELECT 1'));
  await runSql(
    as('postgres'),
    `CREATE ROLE plain LOGIN; CREATE ROLE creator LOGIN CREATEROLE CREATEDB; CREATE ROLE late LOGIN;
     CREATE ROLE program LOGIN IN ROLE pg_execute_server_program; CREATE ROLE reader LOGIN IN ROLE pg_read_server_files;
     CREATE ROLE writer LOGIN IN ROLE pg_write_server_files; CREATE ROLE between NOLOGIN IN ROLE pg_execute_server_program;
     CREATE ROLE indirect LOGIN NOINHERIT IN ROLE between; CREATE ROLE heir LOGIN IN ROLE postgres;
     GRANT plain TO program`,
  );
});
afterAll(() => server?.stop());

const as = (user: string, options = '') => {
  const url = new URL(server.url);
  url.username = user;
  if (options) url.searchParams.set('options', options);
  return url.href;
};

const warnings: string[] = [];
beforeEach(() => void warnings.splice(0));
const logger = {
  warn: (fields: { err?: Error }, message: string) => warnings.push(`${message} ${fields.err?.message ?? ''}`),
} as unknown as PinoLogger;

/** Calls `use` with the DataSource of a service that connects as `user`. */
async function connectedAs<T>(user: string, use: (source: DataSource) => Promise<T>): Promise<T> {
  const settings = { DATABASE_URL: as(user), DATABASE_SCHEMA: 'cronzimus', DATABASE_DIRECT_URL: undefined };
  const source = await new DataSource(dataSourceOptions(settings, 'tasks', 1)).initialize();
  try {
    return await use(source);
  } finally {
    await source.destroy();
  }
}

/** What the service would start with. */
const taskOf = (own: string, variables: Record<string, string> = {}) =>
  createSqlTask({ ...readEnvironment(variables), DATABASE_URL: as(own) }, logger);

const touch = (file: string) => ({
  statement: `DO $$ BEGIN RESET ROLE; COPY (SELECT 1) TO PROGRAM 'touch ${file}'; END $$`,
  values: [],
});

const refused = (user: string) => ({
  code: 'SQL_ROLE_REFUSED',
  message: expect.stringMatching(new RegExp(`does not run as "${user}".*Set SQL_TASK_DATABASE_URL`)),
});

describe('a role that can use files or programs of the database server', () => {
  it.each(['postgres', 'program', 'reader', 'writer', 'indirect', 'heir'])(
    'is refused for the task sql, at the start and at each run: %s',
    async (user) => {
      await expect(taskOf('plain', { SQL_TASK_DATABASE_URL: as(user) })).rejects.toMatchObject(refused(user));
      await expect(taskOf(user, { SQL_TASK_DATABASE_URL: 'self' })).rejects.toMatchObject(refused(user));
      const file = join(folder, `made-by-${user}`);
      await expect(new ForeignSqlTask(as(user)).run(touch(file), runContext())).rejects.toMatchObject(refused(user));
      await connectedAs(user, async (source) => {
        const context = runContext({ transaction: (work) => source.transaction(work) });
        await expect(new SqlTask().run(touch(file), context)).rejects.toMatchObject(refused(user));
      });
      await expect(readFile(file)).rejects.toMatchObject({ code: 'ENOENT' });
    },
  );

  it.each([
    ['program', '-c role=plain', 'program'],
    ['postgres', '-c role=plain', 'postgres'],
    ['postgres', '-c session_authorization=plain', '(plain|postgres)'],
  ])('is refused behind another one: %s with %s', async (user, options, name) => {
    const url = as(user, options);
    const file = join(folder, `made-behind-${user}`);
    await expect(taskOf('plain', { SQL_TASK_DATABASE_URL: url })).rejects.toMatchObject(refused(name));
    await expect(new ForeignSqlTask(url).run(touch(file), runContext())).rejects.toMatchObject(refused(name));
    await expect(readFile(file)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('leaves the task out, with a warning, when it is that of the service and nobody chose it for the task', async () => {
    await expect(taskOf('postgres')).resolves.toBeNull();
    expect(warnings).toEqual([expect.stringMatching(/^there is no sql task .*"postgres": the role is a superuser/)]);
  });

  it('is not checked where no sql task can run', async () => {
    await expect(taskOf('postgres', { TASKS_DISABLED: 'sql', SQL_TASK_DATABASE_URL: 'self' })).resolves.toBeNull();
    await expect(taskOf('postgres', { HOST: '0.0.0.0', AUTH_MODE: 'none' })).resolves.toBeNull();
  });

  it('is refused by the next run when it has been granted more since the start', async () => {
    const task = (await taskOf('plain', { SQL_TASK_DATABASE_URL: as('late') })) as ForeignSqlTask;
    const select = { statement: 'SELECT current_user AS "user"', values: [] };
    await expect(task.run(select, runContext())).resolves.toMatchObject({ rows: [{ user: 'late' }] });
    await runSql(as('postgres'), 'GRANT pg_execute_server_program TO late');
    await expect(task.run(select, runContext())).rejects.toMatchObject(refused('late'));
  });
});

it('an ordinary role runs the task sql, and so does one that may create roles since PostgreSQL 16', async () => {
  await expect(taskOf('plain')).resolves.toBeInstanceOf(SqlTask);
  await expect(taskOf('plain', { SQL_TASK_DATABASE_URL: as('creator') })).resolves.toBeInstanceOf(ForeignSqlTask);
  // The role of the embedded PostgreSQL.
  await expect(taskOf('cronzimus', { SQL_TASK_DATABASE_URL: 'self' })).resolves.toBeInstanceOf(SqlTask);
  expect(warnings).toEqual([]);
});

it('a database that cannot be reached does not stop the start', async () => {
  const unreachable = 'postgres://me@127.0.0.1:1/x';
  await expect(taskOf('plain', { SQL_TASK_DATABASE_URL: unreachable })).resolves.toBeInstanceOf(ForeignSqlTask);
});

it.each([
  ['postgres', 1],
  ['cronzimus', 0],
  ['creator', 0],
])('a service that connects as %s logs %i warnings about superusers', async (user, count) => {
  await connectedAs(user, (source) => new SuperuserWarning(source, logger).onApplicationBootstrap());
  expect(warnings.filter((line) => line.includes('superuser'))).toHaveLength(count);
});
