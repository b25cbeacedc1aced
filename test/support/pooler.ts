import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runSql } from './run-sql.js';
import { eventually } from './eventually.js';
import { freePort } from './free-port.js';

/** Debian installs PgBouncer into /usr/sbin, which may not be on PATH. */
const env = { PATH: `${process.env['PATH']}:/usr/sbin` };
/** PgBouncer refuses to run as root. */
const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
/** PgBouncer ends when this process ends, even when it is killed. */
const UNTIL_STDIN_ENDS = 'pgbouncer -q "$@" & cat; kill $!; wait';

export const hasPooler = (): boolean => spawnSync('pgbouncer', ['--version'], { env }).status === 0;

/** PgBouncer in front of the server of a database. */
export class TestPooler {
  private constructor(
    /** The same database, through the pooler. */
    readonly url: string,
    readonly stop: () => Promise<void>,
  ) {}

  /** Starts PgBouncer with these settings of pgbouncer.ini. */
  static async before(databaseUrl: string, settings: Record<string, string>): Promise<TestPooler> {
    const { hostname, port, username, password } = new URL(databaseUrl);
    const url = new URL(databaseUrl);
    url.port = String(await freePort());
    const file = join(await mkdtemp(join(process.env['TEST_SCRATCH']!, 'pooler-')), 'pgbouncer.ini');
    const server = `* = host=${hostname} port=${port || '5432'} user=${username} password=${decodeURIComponent(password)}`;
    const all = {
      listen_addr: url.hostname,
      listen_port: url.port,
      unix_socket_dir: '',
      auth_type: 'any',
      ...settings,
    };
    const lines = Object.entries(all).map(([name, value]) => `${name} = ${value}`);
    await writeFile(file, ['[databases]', server, '[pgbouncer]', ...lines].join('\n'));

    const child = spawn('sh', ['-c', UNTIL_STDIN_ENDS, 'sh', ...user, file], {
      env,
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    const ended = once(child, 'exit');
    await eventually(() => runSql(url.href, 'SELECT 1'));
    return new TestPooler(url.href, async () => {
      child.stdin.end();
      await ended;
    });
  }
}
