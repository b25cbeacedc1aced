import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runSql } from './support/run-sql.js';
import { eventually } from './support/eventually.js';
import { kill } from './support/kill.js';

/** An SQLSTATE. */
const INVALID_AUTHORIZATION = '28000';

interface Answer {
  url?: string;
  code?: string;
  message?: string;
}

describe('embedded PostgreSQL', () => {
  let scratch: string;
  let folder: string;
  const owners: ChildProcess[] = [];

  beforeEach(async () => {
    scratch = await mkdtemp(join(process.env['TEST_SCRATCH'] ?? tmpdir(), 'a folder '));
    folder = join(scratch, 'data');
  });

  afterEach(async () => {
    await Promise.all(owners.splice(0).map((owner) => kill(owner, 'SIGTERM')));
    const left = await postmasterPid().catch(() => undefined);
    if (left) process.kill(left, 'SIGQUIT');
    await eventually(() => rm(scratch, { recursive: true, force: true }));
  });

  it('starts with a role that is not a superuser, and stops', async () => {
    const owner = own();
    const url = await urlOf(owner);
    expect(await runSql(url, 'SELECT rolsuper, rolcreatedb FROM pg_roles WHERE rolname = current_user')).toEqual([
      { rolsuper: false, rolcreatedb: true },
    ]);
    await expect(runSql(url.replace('cronzimus:', 'postgres:'), 'SELECT 1')).rejects.toMatchObject({
      code: INVALID_AUTHORIZATION,
    });
    expect((await stat(join(folder, 'password'))).mode & 0o777).toBe(0o600);

    await kill(owner, 'SIGTERM');
    await expect(runSql(url, 'SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('outlives an owner that was killed, and the next owner finds it with its data', async () => {
    const owner = own();
    const url = await urlOf(owner);
    await runSql(url, 'CREATE TABLE kept AS SELECT 42 AS value');
    const pid = await postmasterPid();
    await kill(owner, 'SIGKILL');
    expect(await runSql(url, 'SELECT value FROM kept')).toEqual([{ value: 42 }]);

    const next = own();
    expect(await urlOf(next)).toBe(url);
    expect(await postmasterPid()).toBe(pid);
    await kill(next, 'SIGTERM');
    await expect(runSql(url, 'SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('keeps committed data when owner and server are killed together', async () => {
    const owner = own();
    await runSql(await urlOf(owner), 'CREATE TABLE kept AS SELECT 42 AS value');
    await kill(owner, 'SIGKILL');
    process.kill(await postmasterPid(), 'SIGKILL');
    expect(await runSql(await urlOf(own()), 'SELECT value FROM kept')).toEqual([{ value: 42 }]);
  });

  it('has one owner of four concurrent processes, also after the last owner died', async () => {
    await kill(await started(own()), 'SIGKILL');
    const answers = await Promise.all([own(), own(), own(), own()].map(answerOf));
    expect(answers.filter(({ url }) => url)).toHaveLength(1);
    expect(answers.filter(({ code }) => code === 'EMBEDDED_POSTGRES_IN_USE')).toHaveLength(3);
    const [owner] = owners.filter((_, index) => answers[index - 1]?.url);
    expect(answers.find(({ code }) => code)?.message).toContain(`process ${owner?.pid}`);
  });

  it('starts after it was killed while it created its database', async () => {
    const owner = own();
    await eventually(async () => expect((await readdir(folder)).join(' ')).toContain('postgres.new-'));
    await kill(owner, 'SIGKILL');
    await expect(stat(join(folder, 'postgres'))).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await runSql(await urlOf(own()), 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('ignores a pid that another process has now, and leaves a port that another has taken', async () => {
    const first = await started(own());
    await kill(first, 'SIGTERM');
    const port = Number(await readFile(join(folder, 'port'), 'utf8'));
    const stranger = spawn('sleep', ['60']);
    const pidFile = [stranger.pid, join(folder, 'postgres'), 1, port, '', '127.0.0.1', '', 'ready'].join('\n');
    await writeFile(join(folder, 'postgres', 'postmaster.pid'), pidFile);
    const taker = createServer().listen(port, '127.0.0.1');
    try {
      const url = await urlOf(own());
      expect(new URL(url).port).not.toBe(String(port));
      expect(await runSql(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
      expect(stranger.signalCode).toBeNull();
    } finally {
      stranger.kill();
      taker.close();
    }
  });

  it('reports what is wrong with its settings, and starts again once that is fixed', async () => {
    await kill(await started(own()), 'SIGTERM');
    const settings = join(folder, 'postgres', 'postgresql.conf');
    const good = await readFile(settings);
    await writeFile(settings, 'nonsense\n', { flag: 'a' });
    const { code, message } = await answerOf(own());
    expect(code).toBe('EMBEDDED_POSTGRES_FAILED');
    expect(message).toContain('postgresql.conf');

    await writeFile(settings, good);
    expect(await runSql(await urlOf(own()), 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  function own(): ChildProcess {
    const owner = fork('test/support/embedded-postgres-process.js', [folder], { execArgv: [] });
    owners.push(owner);
    return owner;
  }

  async function postmasterPid(): Promise<number> {
    return Number((await readFile(join(folder, 'postgres', 'postmaster.pid'), 'utf8')).split('\n')[0]);
  }
});

async function answerOf(owner: ChildProcess): Promise<Answer> {
  const [answer]: Answer[] = await once(owner, 'message', { signal: AbortSignal.timeout(60_000) });
  return answer ?? {};
}

async function urlOf(owner: ChildProcess): Promise<string> {
  const { url, message } = await answerOf(owner);
  if (!url) throw new Error(message);
  return url;
}

async function started(owner: ChildProcess): Promise<ChildProcess> {
  await urlOf(owner);
  return owner;
}
