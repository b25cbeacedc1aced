import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { eventually } from './support/eventually.js';
import { kill } from './support/kill.js';
import { isReady, type MainProcess, startMain } from './support/main-process.js';
import { runSql } from './support/run-sql.js';

let scratch: string;
let main: MainProcess;

const data = (...names: string[]) => join(scratch, 'data', ...names);
const postmaster = async () => Number((await readFile(data('postgres', 'postmaster.pid'), 'utf8')).split('\n')[0]);
const url = async () => {
  const [password, port] = await Promise.all(['password', 'port'].map((name) => readFile(data(name), 'utf8')));
  return `postgres://cronzimus:${password}@127.0.0.1:${port}/cronzimus?sslmode=disable`;
};
const rowsOf = async (sql: string) => runSql(await url(), sql);
/** Callers share a health check for a second, so the server is asked too. */
const healthy = () =>
  eventually(
    async () => {
      await rowsOf('SELECT');
      expect((await fetch(`${main.url}/health`)).status).toBe(200);
    },
    { within: 90_000 },
  );

beforeEach(async () => {
  scratch = await mkdtemp(join(process.env['TEST_SCRATCH'] ?? tmpdir(), 'restart-'));
  await mkdir(join(scratch, 'work'));
  const job = {
    task: 'table-sizes',
    trigger: { type: 'interval', everySeconds: 1 },
    overlap: 'allow',
    misfire: { policy: 'all', graceSeconds: 300 },
  };
  await writeFile(join(scratch, 'jobs.yaml'), JSON.stringify({ jobs: { tick: job } }));
  const variables = { DATA_DIR: data(), JOBS_FILE: join(scratch, 'jobs.yaml'), SHUTDOWN_GRACE_SECONDS: '1' };
  main = await startMain(variables, join(scratch, 'work'));
  await isReady(main);
});

afterEach(async () => {
  await kill(main.child, 'SIGTERM');
  const left = await postmaster().catch(() => undefined);
  if (left) process.kill(left, 'SIGQUIT');
  await eventually(() => rm(scratch, { recursive: true, force: true }));
});

/** Waits for a run that starts later than now. */
const runsAgain = async () => {
  const [{ now }] = (await rowsOf('SELECT now()::text')) as [{ now: string }];
  await eventually(async () =>
    expect(
      await rowsOf(`SELECT FROM cronzimus.runs WHERE state = 'succeeded' AND started_at > '${now}' LIMIT 1`),
    ).toHaveLength(1),
  );
};

describe('the embedded PostgreSQL, killed while the service runs', () => {
  it('is started again each time, at the same port, and no occurrence is lost', async () => {
    await runsAgain();
    for (let time = 1; time <= 2; time += 1) {
      const before = await postmaster();
      process.kill(before, 'SIGKILL');
      await eventually(async () => expect(await postmaster()).not.toBe(before));
      await healthy();
      await runsAgain();
    }
    const gaps = await rowsOf(
      `SELECT * FROM (SELECT scheduled_at, scheduled_at - lag(scheduled_at) OVER (ORDER BY scheduled_at) AS gap
         FROM cronzimus.runs WHERE job = 'tick') AS instants WHERE gap <> interval '1 s'`,
    );
    expect(gaps).toEqual([]);
    expect(main.log()).toContain('the embedded PostgreSQL has died and is started again');
    await kill(main.child, 'SIGTERM');
    expect(main.child.exitCode).toBe(0);
  });

  it('is started again also while a process that it left behind goes on with its statement', async () => {
    const client = new Client({ connectionString: await url() });
    client.on('error', () => undefined);
    await client.connect();
    const [{ pid }] = (await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows as [{ pid: number }];
    // Only computes, so it does not notice the death of the server.
    const busy = client.query('SELECT count(*) FROM (SELECT generate_series(1, 100000000000)) AS n').catch(() => 0);
    await eventually(async () =>
      expect(await rowsOf(`SELECT state FROM pg_stat_activity WHERE pid = ${pid}`)).toEqual([{ state: 'active' }]),
    );
    process.kill(await postmaster(), 'SIGKILL');
    await busy;
    await healthy();
    await runsAgain();
    await client.end().catch(() => undefined);
  });

  it('ends the service with 1 if it cannot be started again', async () => {
    await writeFile(data('postgres', 'postgresql.conf'), 'nonsense\n', { flag: 'a' });
    process.kill(await postmaster(), 'SIGKILL');
    const [code] = (await once(main.child, 'exit', { signal: AbortSignal.timeout(90_000) })) as unknown[];
    expect(code).toBe(1);
    expect(main.log()).toContain('the embedded PostgreSQL could not be started');
  });
});
