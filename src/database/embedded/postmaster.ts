import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { EmbeddedPostgresFailed } from './errors.js';
import { commandLine } from './process-facts.js';

/** A running server process and the port it listens on. */
export interface Postmaster {
  readonly pid: number;
  readonly port: number;
}

/** The server that runs on this cluster, no matter which process started it. Undefined when none runs. */
export async function findPostmaster(cluster: string): Promise<Postmaster | undefined> {
  const file = await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(() => '');
  const [pid, , , port] = file.split('\n').map(Number);
  // Another process may have got the pid, so the command line decides whether it is this server.
  return pid && port && (await isRunning(pid, cluster)) ? { pid, port } : undefined;
}

/**
 * Stops a server with a fast shutdown: it closes all sessions and writes a checkpoint. A server that takes longer than `patience`
 * milliseconds is stopped immediately and recovers at its next start. Does nothing when the server does not run.
 */
export async function stopPostmaster(cluster: string, pid: number, patience = 30_000): Promise<void> {
  for (const [signal, bound] of [['SIGINT', patience] as const, ['SIGQUIT', 10_000] as const]) {
    if (!(await isRunning(pid, cluster))) return;
    process.kill(pid, signal);
    if (await ended(pid, cluster, bound)) return;
  }
  throw new EmbeddedPostgresFailed(`The embedded PostgreSQL with pid ${pid} does not stop`, '');
}

async function ended(pid: number, cluster: string, bound: number): Promise<boolean> {
  const deadline = Date.now() + bound;
  while (await isRunning(pid, cluster)) {
    if (Date.now() > deadline) return false;
    await delay(10);
  }
  return true;
}

/** True if the process `pid` is the server of this cluster. */
export const isRunning = async (pid: number, cluster: string): Promise<boolean> =>
  `${await commandLine(pid)} `.includes(` -D ${cluster} `);
