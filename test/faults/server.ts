import { execFile } from 'node:child_process';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { serverEnvironment } from '../../src/database/embedded/binaries.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/database/embedded-postgres.js';
import { eventually } from '../support/eventually.js';

/** A PostgreSQL server of one test, with a migrated database, which can be killed at any time. */
export class OwnServer {
  private constructor(
    private readonly folder: string,
    private running: EmbeddedPostgres,
  ) {}

  /** `variables`: additional environment variables of the server's processes. */
  static async start(variables: Record<string, string> = {}): Promise<OwnServer> {
    const folder = await mkdtemp(join(process.env['TEST_SCRATCH']!, 'own-'));
    Object.assign(serverEnvironment, variables);
    const running = await startEmbeddedPostgres(folder);
    for (const name of Object.keys(variables)) Reflect.deleteProperty(serverEnvironment, name);
    const server = new OwnServer(folder, running);
    await promisify(execFile)(process.execPath, ['dist/main.js', 'migrate'], {
      env: { PATH: process.env['PATH'], DATABASE_URL: server.url },
    });
    return server;
  }

  get url(): string {
    return this.running.url;
  }

  /** Restarts like `pg_ctl restart -m immediate`: without a checkpoint, with all sessions cut, with crash recovery, on the same port. The
   *  server is down for `awayMs` in between. */
  async restartAtOnce(awayMs = 0): Promise<void> {
    const pid = await this.postmaster();
    process.kill(pid, 'SIGQUIT');
    await eventually(() => expect(isAlive(pid)).toBe(false));
    await this.running.stop();
    await new Promise((resolve) => setTimeout(resolve, awayMs));
    const { url } = this;
    this.running = await startEmbeddedPostgres(this.folder);
    expect(this.url).toBe(url);
  }

  /** Ends the server with SIGKILL, for good. */
  async kill(): Promise<void> {
    const pid = await this.postmaster();
    process.kill(pid, 'SIGKILL');
    await eventually(() => expect(isAlive(pid)).toBe(false));
    await this.running.stop();
  }

  /** Stops the server, calls `work` with its folder, and starts it again on the same port. */
  async whileStopped(work: (folder: string) => Promise<void>): Promise<void> {
    const { url } = this;
    await this.running.stop();
    await work(this.folder);
    this.running = await startEmbeddedPostgres(this.folder);
    expect(this.url).toBe(url);
  }

  /** Starts a server on a folder that is made elsewhere. */
  static async on(folder: string): Promise<OwnServer> {
    return new OwnServer(folder, await startEmbeddedPostgres(folder));
  }

  /** Replaces the settings of an earlier call, as ALTER SYSTEM and pg_reload_conf() of a superuser do. */
  async set(settings: Record<string, string>): Promise<void> {
    const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value}'\n`);
    await writeFile(join(this.folder, 'postgres', 'postgresql.auto.conf'), lines.join(''));
    process.kill(await this.postmaster(), 'SIGHUP');
  }

  /** Stops all processes of the server with SIGSTOP, and lets them continue after `forMs`. Connections stay open, and the kernel
   *  accepts new ones. */
  async standStill(forMs: number): Promise<void> {
    const postmaster = await this.postmaster();
    // The postmaster first, so that it starts no process meanwhile.
    process.kill(postmaster, 'SIGSTOP');
    const stopped = [postmaster, ...(await childrenOf(postmaster))];
    for (const pid of stopped) signal(pid, 'SIGSTOP');
    try {
      await new Promise((resolve) => setTimeout(resolve, forMs));
    } finally {
      for (const pid of stopped.toReversed()) signal(pid, 'SIGCONT');
    }
  }

  async stop(): Promise<void> {
    await this.running.stop();
  }

  private async postmaster(): Promise<number> {
    return Number((await readFile(join(this.folder, 'postgres', 'postmaster.pid'), 'utf8')).split('\n')[0]);
  }
}

async function childrenOf(pid: number): Promise<number[]> {
  return (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).split(' ').filter(Boolean).map(Number);
}

/** Does nothing if the process has ended. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
