import type { NestExpressApplication } from '@nestjs/platform-express';
import { createApplication } from '../src/application.js';
import { readEnvironment } from '../src/config/environment.js';
import { TaskRegistry } from '../src/tasks/task.registry.js';
import { runSql } from './support/run-sql.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { eventually } from './support/eventually.js';
import { type RunAnswer, finishedJob, TestService } from './support/service.js';

let own: TestDatabase;
let foreign: TestDatabase;
beforeAll(async () => {
  [own, foreign] = [await createTestDatabase(), await createTestDatabase()];
  await runSql(foreign.url, 'CREATE TABLE ledger (entry text UNIQUE DEFERRABLE INITIALLY DEFERRED)');
});
afterAll(async () => {
  await own.drop();
  await foreign.drop();
});

const entries = async () =>
  (await runSql(foreign.url, 'SELECT entry FROM ledger ORDER BY 1')).map(({ entry }) => entry);
const sessions = () =>
  runSql(
    foreign.url,
    `SELECT FROM pg_stat_activity WHERE application_name = 'cronzimus sql' AND query ~ 'slept'
    AND datname = current_database()`,
  );

describe('the task sql', () => {
  let app: NestExpressApplication | undefined;
  afterEach(async () => {
    await app?.close();
    app = undefined;
  });

  /** The tasks of a service with this HOST. */
  async function tasksAt(HOST: string, SQL_TASK_DATABASE_URL: string | undefined): Promise<TaskRegistry> {
    const environment = readEnvironment({ PORT: '0', LOG_LEVEL: 'silent' });
    app = await createApplication({ ...environment, DATABASE_URL: own.url, HOST, SQL_TASK_DATABASE_URL }, []);
    await app.init();
    return app.get(TaskRegistry, { strict: false });
  }

  it.each<[string, 'self' | undefined]>([
    ['127.0.0.1', undefined],
    ['localhost', 'self'],
    ['0.0.0.0', 'self'],
  ])(
    'with HOST=%s and SQL_TASK_DATABASE_URL=%s runs on the service database, in the transaction of its run',
    async (host, url) => {
      expect((await tasksAt(host, url)).transactional()).toEqual(['sql']);
    },
  );

  it.each(['127.0.0.1', '0.0.0.0'])('with HOST=%s runs on the configured database', async (host) => {
    const tasks = await tasksAt(host, foreign.url);
    expect(tasks.transactional()).toEqual([]);
    expect(tasks.get('sql').options.description).toContain('the database of SQL_TASK_DATABASE_URL');
  });

  it.each(['0.0.0.0', '::', '10.0.0.1', 'example.org'])(
    'with HOST=%s does not exist unless a database is configured',
    async (host) => {
      const tasks = await tasksAt(host, undefined);
      expect(tasks.all().map(({ options }) => options.name)).not.toContain('sql');
      await expect(tasks.validate('sql', { statement: 'SELECT 1' })).rejects.toMatchObject({
        code: 'UNKNOWN_TASK',
        message: expect.stringMatching(
          /"sql" is not registered.*SQL_TASK_DATABASE_URL: a postgres:\/\/ URL, or self\. Its role must not be a superuser$/,
        ),
      });
    },
  );
});

describe('the task sql on another database', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await TestService.start({ SQL_TASK_DATABASE_URL: foreign.url });
    await service.given(finishedJob('sql', 'sql', { overlap: 'allow', input: { statement: 'SELECT 1' } }));
  });
  afterAll(() => service.stop());

  const sql = (statement: string, state: string, values: unknown[] = []) =>
    service.run('sql', state, { statement, values });
  beforeEach(async () => void (await runSql(foreign.url, 'DELETE FROM ledger')));

  it('commits what a statement writes', async () => {
    const name = new URL(foreign.url).pathname.slice(1);
    const { output } = await sql(
      'INSERT INTO ledger VALUES ($1) RETURNING entry, current_database() AS place',
      'succeeded',
      ['of {{job.name}}'],
    );
    expect(output).toEqual({ rowCount: 1, rows: [{ entry: 'of sql', place: name }] });
    expect(await entries()).toEqual(['of sql']);
  });

  it.each([
    [`INSERT INTO ledger SELECT (1 / (2 - n))::text FROM generate_series(1, 2) AS n`, '22012'],
    [`INSERT INTO ledger VALUES ('x'), ('x')`, '23505'],
    [`DO 'BEGIN INSERT INTO ledger VALUES (1); COMMIT; END'`, '2D000'],
    [`INSERT INTO ledger VALUES ('x'); COMMIT`, '42601'],
  ])('leaves nothing of %s', async (statement, sqlState) => {
    const { error } = await sql(statement, 'failed');
    expect(error).toMatchObject({ code: 'SQL_FAILED', message: expect.stringContaining(sqlState) });
    expect(await entries()).toEqual([]);
  });

  it('is cancelled during a statement, and its session ends', async () => {
    const statement = `INSERT INTO ledger SELECT 'slept' FROM pg_sleep(60)`;
    const { body } = await service.call<RunAnswer>('POST', '/jobs/sql/run', { input: { statement } });
    await eventually(async () => expect(await sessions()).toHaveLength(1));
    await service.call('POST', `/runs/${body.id}/cancel`);
    await service.reaches(body.id, 'cancelled');
    await eventually(async () => expect(await sessions()).toEqual([]));
    expect(await entries()).toEqual([]);
  });

  it('leaves no state in the session for the next statement', async () => {
    await sql('CREATE TEMPORARY TABLE ledger (entry text)', 'succeeded');
    await sql(`INSERT INTO ledger VALUES ('kept')`, 'succeeded');
    expect(await entries()).toEqual(['kept']);
  });
});

it('reports that the other database cannot be reached, without its password', async () => {
  const service = await TestService.start({ SQL_TASK_DATABASE_URL: 'postgres://me:hunter22@127.0.0.1:1/x' });
  try {
    await service.given(finishedJob('sql', 'sql', { input: { statement: 'SELECT 1' } }));
    const run = await service.run('sql', 'failed');
    expect(run['error']).toMatchObject({
      code: 'SQL_UNREACHABLE',
      message: expect.stringMatching(
        /^SQL_TASK_DATABASE_URL points to 127\.0\.0\.1:1, database "x", user "me".*ECONNREFUSED/,
      ),
    });
    expect(JSON.stringify(run)).not.toContain('hunter22');
  } finally {
    await service.stop();
  }
});
