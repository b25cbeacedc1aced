import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { withCancel } from '../src/database/cancel-backend.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../src/database/embedded-postgres.js';
import { eventually } from './support/eventually.js';
import { runSql } from './support/run-sql.js';

let server: EmbeddedPostgres;
let superuser: string;
beforeAll(async () => {
  const folder = join(await mkdtemp(join(process.env['TEST_SCRATCH']!, 'waiting-commit-')), 'data');
  server = await startEmbeddedPostgres(folder);
  const postgres = join(folder, 'postgres');
  await writeFile(join(postgres, 'pg_hba.conf'), 'host all all 127.0.0.1/32 trust\n');
  process.kill(Number((await readFile(join(postgres, 'postmaster.pid'), 'utf8')).split('\n')[0]), 'SIGHUP');
  const url = new URL(server.url);
  url.username = 'postgres';
  superuser = url.href;
  await eventually(() => runSql(superuser, 'SELECT 1'));
});
afterAll(() => server?.stop());

/** As if the only synchronous standby had fallen silent: each commit waits until this is undone. */
async function waitForStandby(name: string): Promise<void> {
  await runSql(superuser, `ALTER SYSTEM SET synchronous_standby_names = '${name}'`);
  await runSql(superuser, 'SELECT pg_reload_conf()');
  await eventually(async () => {
    expect(await runSql(superuser, 'SHOW synchronous_standby_names')).toEqual([{ synchronous_standby_names: name }]);
  });
}

it('a commit that waits for a synchronous standby is not cancelled, which would make it visible without the standby', async () => {
  await runSql(server.url, 'CREATE TABLE public.entries (entry text)');
  const client = new Client({ connectionString: server.url });
  client.on('error', () => undefined);
  await client.connect();
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  await client.query(`BEGIN; INSERT INTO public.entries VALUES ('x')`);
  await waitForStandby('nobody');

  const abort = new AbortController();
  const failures: unknown[] = [];
  const session = {
    url: server.url,
    client,
    pid: () => rows[0]!.pid,
    signal: abort.signal,
    failed: (error: unknown) => void failures.push(error),
  };
  const commit = withCancel(session, () => client.query('COMMIT'));
  const state = () => runSql(superuser, `SELECT wait_event FROM pg_stat_activity WHERE pid = ${rows[0]!.pid}`);
  await eventually(async () => expect(await state()).toEqual([{ wait_event: 'SyncRep' }]));
  abort.abort(new Error('timed out'));

  // The connection is destroyed on our side. The session waits on.
  await expect(commit).rejects.toThrow('timed out');
  expect(failures).toEqual([]);
  expect(await state()).toEqual([{ wait_event: 'SyncRep' }]);
  expect(await runSql(superuser, 'SELECT * FROM public.entries')).toEqual([]);

  await waitForStandby('');
  await eventually(async () =>
    expect(await runSql(server.url, 'SELECT * FROM public.entries')).toEqual([{ entry: 'x' }]),
  );
});
