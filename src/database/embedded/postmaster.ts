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

/** The server that runs on this cluster, whoever started it; undefined when there is none. */
export async function findPostmaster(cluster: string): Promise<Postmaster | undefined> {
  const file = await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(() => '');
  const [pid, , , port] = file.split('\n').map(Number);
  // A pid is used again by others: only the command line tells that it is our server.
  return pid && port && (await serves(pid, cluster)) ? { pid, port } : undefined;
}

/**
 * Ends a server in good order: sessions are cut, a checkpoint is written. One that takes longer than `patience`
 * milliseconds is ended at once and recovers at its next start. Does nothing when it has ended already.
 */
export async function stopPostmaster(cluster: string, pid: number, patience = 30_000): Promise<void> {
  for (const [signal, bound] of [['SIGINT', patience] as const, ['SIGQUIT', 10_000] as const]) {
    if (!(await serves(pid, cluster))) return;
    process.kill(pid, signal);
    if (await ended(pid, cluster, bound)) return;
  }
  throw new EmbeddedPostgresFailed(`The embedded PostgreSQL with pid ${pid} does not stop`, '');
}

async function ended(pid: number, cluster: string, bound: number): Promise<boolean> {
  const deadline = Date.now() + bound;
  while (await serves(pid, cluster)) {
    if (Date.now() > deadline) return false;
    await delay(10);
  }
  return true;
}

const serves = async (pid: number, cluster: string) => `${await commandLine(pid)} `.includes(` -D ${cluster} `);
