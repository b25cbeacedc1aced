import { DataSource } from 'typeorm';
import { dataSourceOptions, SCHEDULER, TASKS } from '../src/database/data-source.js';
import { Proxy } from './faults/proxy.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { eventually } from './support/eventually.js';
import { runSql } from './support/run-sql.js';

let database: TestDatabase;
let proxy: Proxy;
let source: DataSource;
beforeEach(async () => {
  database = await createTestDatabase();
  proxy = await Proxy.to(database.url);
});
afterEach(async () => {
  await source.destroy();
  await proxy.close();
  await database.drop();
});

async function given(name: string): Promise<void> {
  const settings = { DATABASE_URL: proxy.url, DATABASE_DIRECT_URL: undefined, DATABASE_SCHEMA: 'cronzimus' };
  source = await new DataSource(dataSourceOptions(settings, name, 2)).initialize();
}

const SESSIONS = `FROM pg_stat_activity WHERE datname = current_database() AND application_name ~ '^cronzimus (tasks|scheduler)'`;

describe.each([SCHEDULER, TASKS])('a connection of the pool %s', (name) => {
  it('fails within seconds when the server has lost its session without a word', async () => {
    await given(name);
    const [first] = await source.query<{ pid: number }[]>('SELECT pg_backend_pid() AS pid');
    // What is open now never gets another byte. New connections work.
    proxy.abandon();
    await runSql(database.url, `SELECT pg_terminate_backend(pid) ${SESSIONS}`);
    const began = performance.now();
    await expect(source.query('SELECT 1')).rejects.toThrow('no longer has the session');
    // Without the check it would wait for the 60 s of the pool, or for ever.
    expect(performance.now() - began).toBeLessThan(40_000);
    const [next] = await eventually(() => source.query<{ pid: number }[]>('SELECT pg_backend_pid() AS pid'));
    expect(next!.pid).not.toBe(first!.pid);
  });

  it('is left alone while the server executes a long statement', async () => {
    await given(name);
    expect(await source.query(`SELECT 'done' AS it FROM pg_sleep(12)`)).toEqual([{ it: 'done' }]);
  });
});
