import { spawn, type ChildProcess } from 'node:child_process';
import { lstat, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { serverEnvironment } from './binaries.js';
import { EmbeddedPostgresFailed } from './errors.js';
import { endOrphans } from './orphans.js';
import { choosePort } from './port.js';
import { findPostmaster, stopPostmaster, type Postmaster } from './postmaster.js';
import { openPrivately, readPrivately } from './own-files.js';
import type { EmbeddedSite } from './site.js';

const LARGE_LOG = 10_000_000;
// PostgreSQL's output while processes of a killed server are still ending, or when another process has taken the port.
const TEMPORARY = /still in use|already exists|Address already in use|could not create any TCP/;

interface StartOptions {
  /** The port of the server. Default: the port that this folder used last, or another one if that is taken. */
  port?: number;
  /** Ends the start. */
  stop?: AbortSignal;
  /** Milliseconds. */
  patience?: number;
}

/**
 * Finds the server that runs on this cluster, or starts one, and returns it when it `accepts` connections.
 * It takes over a server that outlived its owner, and waits for a server that is stopping. It gives up after `patience`
 * milliseconds, or ten times that while a server runs, since recovery can take long. It gives up at once on a fault that
 * waiting does not fix, and when `stop` aborts. Throws EMBEDDED_POSTGRES_FAILED.
 */
export async function runServer(
  site: EmbeddedSite,
  postgres: string,
  accepts: (port: number) => Promise<boolean>,
  { port, stop, patience = 30_000 }: StartOptions = {},
): Promise<Postmaster> {
  const begun = Date.now();
  let child: ChildProcess | undefined;
  let logged = 0;
  try {
    for (;;) {
      stop?.throwIfAborted();
      const running = await findPostmaster(site.cluster);
      if (running && (await accepts(running.port))) return running;

      const exited = child && (child.exitCode !== null || child.signalCode !== null || child.pid === undefined);
      const output = exited ? await logFrom(site, logged) : '';
      const late = Date.now() - begun > (running ? 10 * patience : patience);
      if (late || (exited && !TEMPORARY.test(output))) {
        throw new EmbeddedPostgresFailed(`PostgreSQL did not start in ${site.folder}`, await logFrom(site, logged));
      }
      if (!running && (!child || exited)) {
        await endOrphans(site.cluster);
        await rm(join(site.cluster, 'postmaster.pid'), { force: true });
        logged = await sizeOf(site.log);
        child = await spawnServer(site, postgres, port ?? (await choosePort(site)));
      }
      await delay(20);
    }
  } catch (error) {
    if (child?.pid) await stopPostmaster(site.cluster, child.pid);
    throw error;
  }
}

/** Starts the server in its own session, so that Ctrl-C on the terminal does not stop it before the service has drained. */
async function spawnServer(site: EmbeddedSite, postgres: string, port: number): Promise<ChildProcess> {
  if ((await sizeOf(site.log)) > LARGE_LOG) await rename(site.log, `${site.log}.1`);
  const { prefix, uid, gid } = site.account;
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: 200,
    timezone: 'UTC',
    log_timezone: 'UTC',
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const [command = postgres, ...args] = [...prefix, postgres, '-D', site.cluster, '-p', String(port), ...options];

  const log = await openPrivately(site.log, site.account);
  const stdio = ['ignore', log.fd, log.fd] as const;
  const child = spawn(command, args, {
    cwd: site.folder,
    env: serverEnvironment,
    uid,
    gid,
    detached: true,
    stdio: [...stdio],
  });
  child.once('error', () => undefined); // The child then has no pid, which the loop above checks.
  child.unref();
  await log.close();
  return child;
}

const sizeOf = (path: string) =>
  lstat(path).then(
    ({ size }) => size,
    () => 0,
  );
const logFrom = async (site: EmbeddedSite, from: number) =>
  Buffer.from(await readPrivately(site.log, site.account))
    .subarray(from)
    .toString()
    .slice(-2000);
